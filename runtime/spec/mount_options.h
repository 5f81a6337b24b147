// The mount option words of config.md, and what each means to the kernel. mount_setattr(2), mount(8)
#pragma once

#include <string_view>
#include <vector>

#include "runtime/spec/spec.h"

namespace stack::runtime {

// Sorts one option into `mount`; unknown words go to mount.data.
void apply_mount_option(std::string_view option, OciMount& mount);
// Every word we know, for the `features` command.
std::vector<std::string_view> known_mount_options();

}  // namespace stack::runtime
