#include "runtime/container/enter.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/files.h"
#include "runtime/container/process.h"
#include "runtime/container/pty.h"
#include "runtime/container/report.h"

namespace stack::runtime {

namespace {

Result<Fd> take_terminal(const EnterPlan& plan, int sync) {
  if (!plan.process.terminal) return Fd();
  Fd pts(::open("/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!pts) return Error::last_errno("open /dev/pts");
  TRY_ASSIGN(Pty pty, open_pty(pts.get(), plan.process.console_height, plan.process.console_width));
  TRY(send_report(sync, ReportKind::Terminal, {}, pty.master.get()));
  return std::move(pty.peer);
}

// In the container, in its namespaces and groups.
Result<> run_command(const EnterPlan& plan, int sync, int null_device, std::string& object) {
  std::vector<std::string> notes;
  // Must precede the lookup of any container path: see drop_descriptors() in child.cpp.
  std::vector<int> kept = {sync, null_device, plan.stdio.in, plan.stdio.out, plan.stdio.err};
  for (int i = 0; i < plan.kept_fds; ++i) kept.push_back(3 + i);
  TRY(close_all_but(std::move(kept)));
  TRY(apply_limits(plan.process, notes));
  TRY(apply_execution_domain(plan.execution));
  // Joining a mount namespace changes the root.
  bool in_root = (plan.namespaces & CLONE_NEWNS) != 0;
  Fd root(in_root ? -1 : ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::vector<std::string> environment = command_environment(plan.process, in_root ? AT_FDCWD : root.get());
  object = plan.process.cwd;
  TRY(enter_working_directory(plan.process.cwd));
  object = plan.process.args.front();
  TRY_ASSIGN(std::string executable, find_executable(plan.process.args.front(), plan.process.env));
  TRY_ASSIGN(Fd terminal, take_terminal(plan, sync));
  for (const std::string& note : notes) TRY(send_report(sync, ReportKind::Note, note));
  TRY(set_up_stdio(plan.process, plan.stdio, terminal.get(), null_device));
  TRY(pin_to_cpus(plan.process.cpu_affinity_final));
  if (::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) != 0) return Error::last_errno("prctl pdeathsig");
  TRY(close_on_execution(3 + plan.kept_fds));
  TRY(send_report(sync, ReportKind::Ready));
  TRY(become(plan.process, plan.seccomp, sync));
  return execute(plan.process, environment, executable, -1);
}

// Must follow the clone, because only the host's root may clone into a v2 cgroup.
Result<> become_namespace_root(const EnterPlan& plan) {
  if ((plan.namespaces & CLONE_NEWUSER) == 0) return {};
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    return Error::last_errno("become the namespace's root");
  return {};
}

Result<> enter_groups(const EnterPlan& plan, int target_pidfd) {
  TRY(pin_to_cpus(plan.process.cpu_affinity_initial));
  for (const Fd& tasks : plan.cgroup.tasks) TRY(write_all(tasks.get(), "0"));
  // Must be done inside the cgroup: if cgroup2 is mounted with nsdelegate, as by systemd, a process in that namespace cannot
  // be moved or cloned into the cgroup from outside.
  if ((plan.namespaces & CLONE_NEWCGROUP) != 0 && ::setns(target_pidfd, CLONE_NEWCGROUP) != 0)
    return Error::last_errno("join cgroup namespace");
  return become_namespace_root(plan);
}

[[noreturn]] void run_entered(const EnterPlan& plan, int target_pidfd, int sync, int null_device) {
  std::string object;
  ::setsid();
  leave_session_keyring();
  const char* step = "cgroup";
  Result<> done = enter_groups(plan, target_pidfd);
  // Must follow the change of user, which clears both.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (done) {
    step = "exec";
    done = run_command(plan, sync, null_device, object);
  }
  StepFailure failure = make_failure(step, object, done.error());
  (void)send_failure(sync, failure);
  ::_exit(failure.exit_code);
}

// Joins the user namespace last, because inside it we have no rights over namespaces of the host. A caller without rights
// obtains them there and joins all namespaces at once.
Result<> join_namespaces(int pidfd, int namespaces) {
  if (namespaces == 0) return {};
  int others = namespaces & ~CLONE_NEWUSER;
  bool apart = others != namespaces && others != 0 && ::setns(pidfd, others) == 0;
  if (::setns(pidfd, apart ? CLONE_NEWUSER : namespaces) != 0)
    return Error::last_errno("enter the container");
  return {};
}

struct NamespaceKind {
  const char* name;  // in /proc/<pid>/ns
  int flag;
};

constexpr NamespaceKind kNamespaceKinds[] = {
    {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID},       {"net", CLONE_NEWNET},
    {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME}};

// The caller's namespaces, root, and working directory, so that it can return to them.
class Origin {
 public:
  static Result<Origin> open(int namespaces) {
    Origin origin;
    for (const NamespaceKind& kind : kNamespaceKinds) {
      if ((namespaces & kind.flag) == 0) continue;
      TRY_ASSIGN(Fd fd, open_file(std::string("/proc/self/ns/") + kind.name, O_RDONLY));
      origin.namespaces_.push_back({std::move(fd), kind.flag});
    }
    TRY_ASSIGN(origin.root_, open_file("/", O_PATH | O_DIRECTORY));
    return origin;
  }

  Result<> return_to() const {
    bool moved = false;
    for (const auto& [fd, flag] : namespaces_) {
      if (::setns(fd.get(), flag) != 0) return Error::last_errno("return to own namespaces");
      moved = moved || flag == CLONE_NEWNS;
    }
    // Joining a mount namespace sets root and working directory to its root.
    if (!moved) return {};
    if (::fchdir(root_.get()) != 0 || ::chroot(".") != 0) return Error::last_errno("return to own root");
    return {};
  }

 private:
  std::vector<std::pair<Fd, int>> namespaces_;
  Fd root_;
};

}  // namespace

Result<int> differing_namespaces(pid_t pid) {
  int flags = 0;
  for (const NamespaceKind& kind : kNamespaceKinds) {
    struct stat ours{}, theirs{};
    if (::stat((std::string("/proc/self/ns/") + kind.name).c_str(), &ours) != 0) continue;
    std::string path = "/proc/" + std::to_string(pid) + "/ns/" + kind.name;
    if (::stat(path.c_str(), &theirs) != 0) {
      if (errno == ENOENT || errno == ESRCH) return not_found("the container is not running");
      return Error::last_errno(path);
    }
    if (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev) flags |= kind.flag;
  }
  return flags;
}

Result<NewContainer> enter_container(const EnterPlan& plan, int target_pidfd) {
  Fd null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_device) return Error::last_errno("open /dev/null");
  TRY_ASSIGN(SocketPair sync, make_socket_pair(SOCK_SEQPACKET));
  // The container must not inspect us once we are in its PID namespace (CVE-2016-9962).
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Error::last_errno("prctl dumpable");
  int joined = plan.namespaces & ~CLONE_NEWCGROUP;
  std::optional<Origin> origin;
  if (plan.returns && (joined & CLONE_NEWUSER) == 0) {
    TRY_ASSIGN(origin, Origin::open(joined));
  }
  TRY(join_namespaces(target_pidfd, joined));
  int pidfd = -1;
  clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (plan.cgroup.unified) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(plan.cgroup.unified.get());
  }
  long pid = ::syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0) return Error::last_errno("clone3");
  if (pid == 0) {
    sync.ours.reset();
    origin.reset();  // the container's process must not reach the host's root
    run_entered(plan, target_pidfd, sync.theirs.get(), null_device.get());
  }
  NewContainer process{static_cast<pid_t>(pid), Fd(pidfd), std::move(sync.ours)};
  if (!origin) return process;
  Result<> returned = origin->return_to();
  if (returned) return process;
  ::kill(process.pid, SIGKILL);
  ::waitpid(process.pid, nullptr, 0);
  return std::move(returned).error();
}

}  // namespace stack::runtime
