#include "runtime/seccomp/seccomp_syscalls.h"

#include <seccomp.h>

#include <algorithm>
#include <span>

namespace stack::runtime {

namespace {
struct Call {
  std::string_view name;
  int number;
};
// include/uapi/asm-generic/unistd.h
constexpr Call kCalls[] = {
    {"pidfd_send_signal", 424},
    {"io_uring_setup", 425},
    {"io_uring_enter", 426},
    {"io_uring_register", 427},
    {"open_tree", 428},
    {"move_mount", 429},
    {"fsopen", 430},
    {"fsconfig", 431},
    {"fsmount", 432},
    {"fspick", 433},
    {"pidfd_open", 434},
    {"clone3", 435},
    {"close_range", 436},
    {"openat2", 437},
    {"pidfd_getfd", 438},
    {"faccessat2", 439},
    {"process_madvise", 440},
    {"epoll_pwait2", 441},
    {"mount_setattr", 442},
    {"quotactl_fd", 443},
    {"landlock_create_ruleset", 444},
    {"landlock_add_rule", 445},
    {"landlock_restrict_self", 446},
    {"memfd_secret", 447},
    {"process_mrelease", 448},
    {"futex_waitv", 449},
    {"set_mempolicy_home_node", 450},
    {"cachestat", 451},
    {"fchmodat2", 452},
    {"map_shadow_stack", 453},
    {"futex_wake", 454},
    {"futex_wait", 455},
    {"futex_requeue", 456},
    {"statmount", 457},
    {"listmount", 458},
    {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460},
    {"lsm_list_modules", 461},
    {"mseal", 462},
    {"setxattrat", 463},
    {"getxattrat", 464},
    {"listxattrat", 465},
    {"removexattrat", 466},
    {"open_tree_attr", 467},
    {"file_getattr", 468},
    {"file_setattr", 469},
};

// arch/x86/entry/syscalls/syscall_32.tbl
constexpr Call kDirect[] = {
    {"recvmmsg", 337},    {"sendmmsg", 345},    {"socket", 359},  {"socketpair", 360}, {"bind", 361},
    {"connect", 362},     {"listen", 363},      {"accept4", 364}, {"getsockopt", 365}, {"setsockopt", 366},
    {"getsockname", 367}, {"getpeername", 368}, {"sendto", 369},  {"sendmsg", 370},    {"recvfrom", 371},
    {"recvmsg", 372},     {"shutdown", 373},    {"semget", 393},  {"semctl", 394},     {"shmget", 395},
    {"shmctl", 396},      {"shmat", 397},       {"shmdt", 398},   {"msgget", 399},     {"msgsnd", 400},
    {"msgrcv", 401},      {"msgctl", 402},
};

int find_number(std::span<const Call> calls, std::string_view name) {
  auto found = std::find_if(calls.begin(), calls.end(), [&](const Call& call) { return call.name == name; });
  return found == calls.end() ? -1 : found->number;
}

}  // namespace

int recent_syscall_number(std::string_view name) { return find_number(kCalls, name); }

int direct_syscall_number(uint32_t architecture, std::string_view name) {
  return architecture == SCMP_ARCH_X86 ? find_number(kDirect, name) : -1;
}

}  // namespace stack::runtime
