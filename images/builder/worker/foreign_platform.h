// Programs of other architectures: the kernel can run them through an emulator that is registered with binfmt_misc
// (Documentation/admin-guide/binfmt-misc.rst).
#pragma once

#include <string>

#include "base/result.h"
#include "images/store/platform.h"

namespace stack::builder {

// Unsupported, with the reason and a remedy, if this machine cannot execute the platform's programs inside containers. An
// emulator must be registered with the flag F: otherwise the kernel looks for it inside the container.
// `registrations`: where binfmt_misc is mounted.
Result<> check_executable(const images::Platform& platform,
                          const std::string& registrations = "/proc/sys/fs/binfmt_misc");

}  // namespace stack::builder
