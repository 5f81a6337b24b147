// Numbers of system calls that libseccomp does not provide.
#pragma once

#include <cstdint>
#include <string_view>

namespace stack::runtime {

// Calls newer than the library: from 424 on, one number serves all architectures. The number, or -1.
int recent_syscall_number(std::string_view name);

// The direct number of a call for which the library only has a socketcall(2) or ipc(2) number; -1 if it has none.
int direct_syscall_number(uint32_t architecture, std::string_view name);

}  // namespace stack::runtime
