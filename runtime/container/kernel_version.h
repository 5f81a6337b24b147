// The running kernel's version, for features that cannot be probed.
#pragma once

#include <compare>
#include <string_view>

namespace stack::runtime {

struct KernelVersion {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
};

// "6.1.0-18-amd64" -> {6, 1}; {0, 0} for anything else.
KernelVersion parse_kernel_version(std::string_view text);
// uname(2)
KernelVersion running_kernel();

}  // namespace stack::runtime
