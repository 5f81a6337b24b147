// The program stack-pod (runtime/pod) of this build.
#pragma once

#include <string_view>

namespace stack::targets::kubernetes {

std::string_view pod_program();

}  // namespace stack::targets::kubernetes
