#include "runtime/container/kernel_version.h"

#include <sys/utsname.h>

#include <charconv>

namespace stack::runtime {

KernelVersion parse_kernel_version(std::string_view text) {
  KernelVersion version;
  const char* end = text.data() + text.size();
  auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return {};
  auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  if (minor.ec != std::errc()) return {};
  return version;
}

KernelVersion running_kernel() {
  utsname names{};
  if (::uname(&names) != 0) return {};
  return parse_kernel_version(names.release);
}

}  // namespace stack::runtime
