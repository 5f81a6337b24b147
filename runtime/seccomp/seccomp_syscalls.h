// Numbers of system calls that libseccomp does not tell.
#pragma once

#include <cstdint>
#include <string_view>

namespace stack::runtime {

// Calls newer than the library: from 424 on, one number serves all architectures. The number, or -1.
int recent_syscall_number(std::string_view name);

// The call's own number where the library tells only its number within socketcall(2) or ipc(2); -1: it has none.
int direct_syscall_number(uint32_t architecture, std::string_view name);

}  // namespace stack::runtime
