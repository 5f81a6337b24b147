#include "runtime/container/process.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstring>
#include <thread>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "runtime/container/capabilities.h"
#include "runtime/container/report.h"
#include "runtime/container/setup.h"
#include "runtime/rootfs/rootfs_view.h"
#include "runtime/spec/users.h"

namespace stack::runtime {

namespace {

// ---- limits ----

Result<> set_limit(const ResourceLimit& limit, std::vector<std::string>& notes) {
  rlimit wanted{limit.soft, limit.hard};
  if (::prlimit(0, static_cast<__rlimit_resource>(limit.resource), &wanted, nullptr) == 0) return {};
  if (errno != EPERM) return Error::last_errno(limit.name);
  // Raising the hard limit requires CAP_SYS_RESOURCE, which a container host may itself lack.
  rlimit current{};
  if (::prlimit(0, static_cast<__rlimit_resource>(limit.resource), nullptr, &current) != 0)
    return Error::last_errno(limit.name);
  wanted.rlim_max = std::min(wanted.rlim_max, current.rlim_max);
  wanted.rlim_cur = std::min(wanted.rlim_cur, wanted.rlim_max);
  if (::prlimit(0, static_cast<__rlimit_resource>(limit.resource), &wanted, nullptr) != 0)
    return Error::last_errno(limit.name);
  notes.push_back(limit.name + " is " + std::to_string(wanted.rlim_max) + ": it may not be raised here");
  return {};
}

struct SchedulerAttributes {  // struct sched_attr, sched_setattr(2)
  uint32_t size = sizeof(SchedulerAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
  uint32_t utilisation_min = 0;
  uint32_t utilisation_max = 0;
};

Result<> set_scheduler(const SchedulerSpec& scheduler) {
  SchedulerAttributes attributes;
  attributes.policy = scheduler.policy;
  attributes.flags = scheduler.flags;
  attributes.nice = scheduler.nice;
  attributes.priority = scheduler.priority;
  attributes.runtime = scheduler.runtime_ns;
  attributes.deadline = scheduler.deadline_ns;
  attributes.period = scheduler.period_ns;
  if (::syscall(SYS_sched_setattr, 0, &attributes, 0) != 0) return Error::last_errno("scheduler");
  return {};
}

// ---- identity ----

Result<> drop_bounding_set(uint64_t keep) {
  for (int number = 0; number < known_capabilities(); ++number) {
    if ((keep >> number & 1) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) {
      if (errno == EINVAL) break;  // above the kernel's last capability
      return Error::last_errno("drop " + capability_name(number));
    }
  }
  return {};
}

// Sets this process's capabilities to those in both `sets` and `possible`.
Result<> put_capabilities(const CapabilitySets& sets, uint64_t possible) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  uint64_t permitted = sets.permitted & possible;
  uint64_t effective = sets.effective & permitted;
  uint64_t inheritable = sets.inheritable & possible;
  std::array<__user_cap_data_struct, 2> wanted{};
  for (unsigned half = 0; half < 2; ++half) {
    wanted[half].effective = static_cast<uint32_t>(effective >> (32 * half));
    wanted[half].permitted = static_cast<uint32_t>(permitted >> (32 * half));
    wanted[half].inheritable = static_cast<uint32_t>(inheritable >> (32 * half));
  }
  if (::syscall(SYS_capset, &header, wanted.data()) != 0) return Error::last_errno("capset");
  return {};
}

Result<uint64_t> held_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> held{};
  if (::syscall(SYS_capget, &header, held.data()) != 0) return Error::last_errno("capget");
  return held[0].permitted | static_cast<uint64_t>(held[1].permitted) << 32;
}

Result<> set_capabilities(const CapabilitySets& sets) {
  // We cannot grant capabilities that we lack: the whole call would fail. (Except for those that are only
  // inheritable.)
  uint64_t permitted = sets.permitted;
  bool inherits_more = (sets.inheritable & ~sets.permitted) != 0;
  Result<> put = inherits_more ? Error("not tried") : put_capabilities(sets, ~uint64_t{0});
  if (!put) {
    TRY_ASSIGN(uint64_t possible, held_capabilities());
    TRY(put_capabilities(sets, possible));
    permitted &= possible;
  }
  uint64_t ambient = sets.ambient & permitted & sets.inheritable;
  for (int number = 0; ambient >> number != 0; ++number) {
    if ((ambient >> number & 1) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0)
      return Error::last_errno("ambient capability");
  }
  return {};
}

Result<int> load_filter(const sock_fprog& filter, unsigned flags) {
  long loaded = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (loaded < 0) return Error::last_errno("seccomp");
  return static_cast<int>(loaded);
}

// The filter may block the call that passes on its listener, so a thread created before the filter does that. We
// wait for it without any system call.
Result<> load_notifying_filter(const sock_fprog& filter, unsigned flags, int sync) {
  std::atomic<int> listener{-1};
  std::atomic<bool> sent{false};
  std::thread sender([&] {
    while (listener.load() == -1) std::this_thread::sleep_for(std::chrono::microseconds(50));
    if (listener.load() >= 0) (void)send_report(sync, ReportKind::SeccompListener, {}, listener.load());
    sent = true;
  });
  sender.detach();
  Result<int> loaded = load_filter(filter, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER);
  listener = loaded ? *loaded : -2;
  while (!sent.load()) {
  }
  if (!loaded) return std::move(loaded).error();
  return {};
}

Result<> install_filter(const SeccompProgram& seccomp, int sync) {
  const std::string& bpf = seccomp.bpf;
  if (bpf.empty()) return {};
  if (bpf.size() % sizeof(sock_filter) != 0 || bpf.size() / sizeof(sock_filter) > BPF_MAXINSNS)
    return invalid("seccomp program has a wrong size");
  std::vector<sock_filter> program(bpf.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bpf.data(), bpf.size());
  sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  // With one thread there is nothing to synchronize, and a listener excludes that flag.
  unsigned flags = seccomp.flags & ~static_cast<unsigned>(SECCOMP_FILTER_FLAG_TSYNC);
  if (seccomp.notifies) return load_notifying_filter(filter, flags, sync);
  TRY(load_filter(filter, flags));
  return {};
}

Result<> set_user(const ProcessSpec& process) {
  const std::vector<gid_t>& groups = process.additional_gids;
  // EPERM: a user namespace with setgroups denied; then there are no groups already.
  if (::setgroups(groups.size(), groups.data()) != 0 && !(errno == EPERM && groups.empty()))
    return Error::last_errno("setgroups");
  if (::setresgid(process.gid, process.gid, process.gid) != 0)
    return Error::last_errno("set group " + std::to_string(process.gid));
  if (::setresuid(process.uid, process.uid, process.uid) != 0)
    return Error::last_errno("set user " + std::to_string(process.uid));
  return {};
}

// ---- the command ----

std::string_view path_variable(const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    if (entry.starts_with("PATH=")) return std::string_view(entry).substr(5);
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

Error command_error(const std::string& command, const std::string& reason, bool found) {
  return {found ? ErrorKind::NotExecutable : ErrorKind::NoCommand, "exec: \"" + command + "\": " + reason};
}

// Pipes and sockets are created for the container. A file, device, or terminal of the caller keeps its owner.
bool is_stream(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
}

}  // namespace

Result<> set_up_stdio(const ProcessSpec& process, const ChildStdio& stdio, int terminal, int null_device) {
  std::array<int, 3> sources{stdio.in, stdio.out, stdio.err};
  for (int& source : sources) {
    if (terminal >= 0) source = terminal;
    if (source < 0) source = null_device;
  }
  for (int target = 0; target < 3; ++target) {
    int source = sources[static_cast<size_t>(target)];
    if (source < 3 && source != target) return invalid("standard stream on a low descriptor");
    if (source != target && ::dup2(source, target) < 0) return Error::last_errno("dup2");
    if (source == null_device || (process.uid == 0 && process.gid == 0)) continue;
    if (terminal < 0 && !is_stream(target)) continue;
    // A terminal's group stays "tty", like with grantpt(3).
    gid_t group = terminal >= 0 ? static_cast<gid_t>(-1) : process.gid;
    // EROFS, EPERM, EINVAL: the owner cannot be changed (a file of the caller, an unmapped ID).
    if (::fchown(target, process.uid, group) != 0 && errno != EROFS && errno != EPERM && errno != EINVAL)
      return Error::last_errno("chown of a standard stream");
  }
  if (terminal >= 0 && ::ioctl(0, TIOCSCTTY, 0) != 0) return Error::last_errno("set controlling terminal");
  return {};
}

Result<> close_all_but(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (int fd : kept) {
    if (fd < static_cast<int>(first)) continue;
    unsigned number = static_cast<unsigned>(fd);
    if (number > first && ::syscall(SYS_close_range, first, number - 1, 0) != 0)
      return Error::last_errno("close_range");
    first = number + 1;
  }
  if (::syscall(SYS_close_range, first, ~0U, 0) != 0) return Error::last_errno("close_range");
  return {};
}

void leave_session_keyring() { (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr); }

Result<> apply_limits(const ProcessSpec& process, std::vector<std::string>& notes) {
  for (const ResourceLimit& limit : process.limits) TRY(set_limit(limit, notes));
  if (process.scheduler) TRY(set_scheduler(*process.scheduler));
  if (process.io_priority &&
      ::syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, *process.io_priority) != 0)
    return Error::last_errno("I/O priority");
  return {};
}

Result<> apply_execution_domain(const OciSpec& spec) {
  if (spec.personality && ::personality(*spec.personality) < 0) return Error::last_errno("personality");
  if (!spec.memory_policy) return {};
  const MemoryPolicySpec& policy = *spec.memory_policy;
  const uint64_t* mask = policy.node_mask.empty() ? nullptr : policy.node_mask.data();
  // The kernel uses one bit less than the given number: set_mempolicy(2), BUGS.
  unsigned long bits = mask == nullptr ? 0 : policy.node_mask.size() * 64 + 1;
  if (::syscall(SYS_set_mempolicy, policy.mode, mask, bits) != 0) return Error::last_errno("memory policy");
  return {};
}

Result<> pin_to_cpus(const std::vector<uint64_t>& mask) {
  if (mask.empty()) return {};
  if (::syscall(SYS_sched_setaffinity, 0, mask.size() * sizeof(uint64_t), mask.data()) != 0)
    return Error::last_errno("CPU affinity");
  return {};
}

Result<> make_working_directory(const std::string& cwd) {
  if (::access(cwd.c_str(), F_OK) == 0 || errno != ENOENT) return {};
  return ensure_directory(cwd);
}

Result<> enter_working_directory(const std::string& cwd) {
  if (::chdir(cwd.c_str()) != 0) {
    std::string text = "chdir to cwd (\"" + cwd + "\")";
    if (errno == ENOENT || errno == ENOTDIR) return Error(ErrorKind::NoCommand, Error::last_errno(text).text());
    return Error::last_errno(text);
  }
  // A cwd such as /proc/self/fd/7 could lead out of the root: the kernel then returns "(unreachable)".
  std::array<char, PATH_MAX> where{};
  if (::syscall(SYS_getcwd, where.data(), where.size()) < 0) return Error::last_errno("getcwd");
  if (where[0] != '/') return invalid("cwd " + cwd + " is outside of the container");
  return {};
}

Result<std::string> find_executable(const std::string& command, const std::vector<std::string>& env) {
  if (command.empty()) return command_error(command, "executable file not found in $PATH", false);
  if (command.find('/') != std::string::npos) {
    struct stat info{};
    if (::stat(command.c_str(), &info) != 0)
      return command_error(command, Error::last_errno("stat " + command).text(),
                           errno != ENOENT && errno != ENOTDIR);
    if (S_ISDIR(info.st_mode)) return command_error(command, "is a directory", true);
    if (::access(command.c_str(), X_OK) != 0) return command_error(command, "permission denied", true);
    return command;
  }
  bool denied = false;
  for (const std::string& folder : split(path_variable(env), ':')) {
    std::string candidate = (folder.empty() ? "." : folder) + "/" + command;
    struct stat info{};
    if (::stat(candidate.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    denied = true;
  }
  if (denied) return command_error(command, "permission denied", true);
  return command_error(command, "executable file not found in $PATH", false);
}

Result<> become(const ProcessSpec& process, const SeccompProgram& seccomp, int sync) {
  CapabilitySets sets = process.capabilities.value_or(CapabilitySets{});
  TRY(drop_bounding_set(sets.bounding));
  // Without no_new_privs a filter requires CAP_SYS_ADMIN, so it is installed before that is dropped; with
  // no_new_privs it comes last.
  if (!process.no_new_privileges) TRY(install_filter(seccomp, sync));
  // Root keeps its capabilities anyway.
  if (process.uid != 0 && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
    return Error::last_errno("keep capabilities");
  TRY(set_user(process));
  TRY(set_capabilities(sets));
  ::umask(process.umask.value_or(022));
  if (!process.no_new_privileges) return {};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Error::last_errno("no_new_privs");
  return install_filter(seccomp, sync);
}

Result<> close_on_execution(int first) {
  if (::syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
    return Error::last_errno("close_range");
  return {};
}

std::vector<std::string> command_environment(const ProcessSpec& process, int root) {
  std::vector<std::string> env = process.env;
  bool has_home = std::any_of(env.begin(), env.end(),
                              [](const std::string& entry) { return entry.starts_with("HOME="); });
  if (has_home) return env;
  Result<std::optional<std::string>> passwd = read_file_in_root(root, "/etc/passwd");
  // An unreadable passwd file must not prevent the start.
  std::string text = passwd ? passwd->value_or("") : "";
  Result<User> user = resolve_user(std::to_string(process.uid), text, "");
  std::string home = user && !user->home.empty() ? user->home : "/";
  env.push_back("HOME=" + home);
  return env;
}

Error execute(const ProcessSpec& process, const std::vector<std::string>& given_env,
              const std::string& executable, int init_fd) {
  std::vector<std::string> words = process.args;
  if (init_fd >= 0) {
    words.insert(words.begin(), {"stack-init", executable, "--"});
  }
  std::vector<char*> args = argument_pointers(words);
  std::vector<char*> env = argument_pointers(given_env);
  if (init_fd >= 0) {
    ::syscall(SYS_execveat, init_fd, "", args.data(), env.data(), AT_EMPTY_PATH);
    return Error::last_errno("execute init");
  }
  ::execve(executable.c_str(), args.data(), env.data());
  int reason = errno;
  std::string text = Error::from_errno("x", reason).text().substr(3);
  if (reason == ENOEXEC) text = "exec format error";
  // A script with a missing interpreter also causes ENOENT; Docker returns 127 for it as well.
  return command_error(process.args.front(), text, reason != ENOENT && reason != ENOTDIR);
}

}  // namespace stack::runtime
