// What a living engine's machine holds of containers that no container owns.
#pragma once

#include <string>

#include "stack_command.h"

namespace stack::e2e {

// One line per folder, monitor, cgroup, interface, and finding of `doctor` without an owner, and per running container without
// a monitor; "" where there is none. Namespaces die a moment after their last process: ask again.
std::string unowned_objects(const StackRoot& stack);

}  // namespace stack::e2e
