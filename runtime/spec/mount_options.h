// The mount options of config.md and their meaning for the kernel. mount_setattr(2), mount(8)
#pragma once

#include <string_view>
#include <vector>

#include "runtime/spec/spec.h"

namespace stack::runtime {

// Applies one option to `mount`; unknown options go to mount.data.
void apply_mount_option(std::string_view option, OciMount& mount);
// All supported options, for the `features` command.
std::vector<std::string_view> known_mount_options();

}  // namespace stack::runtime
