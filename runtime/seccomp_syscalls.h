// System calls newer than the library that resolves names. From 424 on, one number serves all architectures.
#pragma once

#include <string_view>

namespace stack::runtime {

// The number, or -1 (libseccomp's "unknown").
int recent_syscall_number(std::string_view name);

}  // namespace stack::runtime
