// A further process in a running container.
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

#include "base/process.h"
#include "runtime/cgroups.h"
#include "runtime/container/process.h"
#include "runtime/container/pty.h"
#include "runtime/container/report.h"
#include "runtime/launch_request.h"
#include "runtime/monitor/engine_link.h"
#include "runtime/monitor/handover.h"
#include "runtime/monitor/launch.h"

namespace stack::runtime {

namespace {

struct ExecPlan {
  int target_pidfd = -1;
  ProcessSpec process;
  std::string seccomp_bpf;
  ChildStdio stdio;
  Cgroups::Entry cgroup;
  int namespaces = 0;  // CLONE_NEW* in which the target differs from us
};

int fd_number(const Json& request, const char* key) { return static_cast<int>(int_or(request, key, -1)); }

// setns(2) refuses a user namespace that is already ours, so only what differs is joined.
Result<int> differing_namespaces(pid_t pid) {
  struct Kind {
    const char* name;
    int flag;
  };
  static constexpr Kind kKinds[] = {
      {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID},       {"net", CLONE_NEWNET},
      {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME}};
  int flags = 0;
  for (const Kind& kind : kKinds) {
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

Result<ExecPlan> read_plan(const Json& request) {
  ExecPlan plan;
  TRY_ASSIGN(plan.process, parse_process(request.value("process", Json())).in("process"));
  int filter = fd_number(request, "seccomp_fd");
  if (filter >= 0) {
    if (::lseek(filter, 0, SEEK_SET) != 0) return Error::last_errno("seccomp program");
    TRY_ASSIGN(plan.seccomp_bpf, read_all(filter, size_t{1} << 20));
  }
  plan.stdio = {fd_number(request, "stdin_fd"), fd_number(request, "stdout_fd"),
                fd_number(request, "stderr_fd")};
  plan.target_pidfd = fd_number(request, "target_pidfd");
  TRY_ASSIGN(plan.namespaces, differing_namespaces(fd_number(request, "target_pid")));
  std::string cgroup = string_or(request, "cgroup_path");
  if (!cgroup.empty()) {
    TRY_ASSIGN(Cgroups cgroups, Cgroups::detect());
    TRY_ASSIGN(plan.cgroup, cgroups.open_entry(cgroup));
  }
  return plan;
}

Result<Fd> take_terminal(const ExecPlan& plan, int sync) {
  if (!plan.process.terminal) return Fd();
  Fd pts(::open("/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!pts) return Error::last_errno("open /dev/pts");
  TRY_ASSIGN(Pty pty, open_pty(pts.get(), plan.process.console_height, plan.process.console_width));
  TRY(send_report(sync, ReportKind::Terminal, {}, pty.master.get()));
  return std::move(pty.peer);
}

// In the container, in its namespaces and groups.
Result<> run_command(const ExecPlan& plan, int sync, int null_device, std::string& object) {
  std::vector<std::string> notes;
  // Before any path of the container is looked up: see drop_descriptors() in child.cpp.
  TRY(close_all_but({sync, null_device, plan.stdio.in, plan.stdio.out, plan.stdio.err}));
  TRY(apply_limits(plan.process, notes));
  object = plan.process.cwd;
  TRY(enter_working_directory(plan.process.cwd));
  object = plan.process.args.front();
  TRY_ASSIGN(std::string executable, find_executable(plan.process.args.front(), plan.process.env));
  TRY_ASSIGN(Fd terminal, take_terminal(plan, sync));
  for (const std::string& note : notes) TRY(send_report(sync, ReportKind::Note, note));
  TRY(set_up_stdio(plan.process, plan.stdio, terminal.get(), null_device));
  TRY(become(plan.process, plan.seccomp_bpf));
  if (::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) != 0) return Error::last_errno("prctl pdeathsig");
  return execute(plan.process, executable, -1, 3);
}

Result<> enter_groups(const ExecPlan& plan) {
  for (const Fd& tasks : plan.cgroup.tasks) TRY(write_all(tasks.get(), "0"));
  // Only from inside of the group: where cgroup2 is mounted with nsdelegate, as systemd does, a process of that
  // namespace may not be moved in from outside of it, nor be cloned into the group.
  if ((plan.namespaces & CLONE_NEWCGROUP) != 0 && ::setns(plan.target_pidfd, CLONE_NEWCGROUP) != 0)
    return Error::last_errno("join cgroup namespace");
  return {};
}

[[noreturn]] void run_exec_child(const ExecPlan& plan, int sync, int null_device) {
  std::string object;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::setsid();
  leave_session_keyring();
  const char* step = "cgroup";
  Result<> done = enter_groups(plan);
  if (done) {
    step = "exec";
    done = run_command(plan, sync, null_device, object);
  }
  StepFailure failure = make_failure(step, object, done.error());
  (void)send_failure(sync, failure);
  ::_exit(failure.exit_code);
}

struct ExecChild {
  pid_t pid = -1;
  Fd pidfd;
  Fd sync;
};

Result<ExecChild> clone_into_container(const ExecPlan& plan, int null_device) {
  TRY_ASSIGN(SocketPair sync, make_socket_pair(SOCK_SEQPACKET));
  // Not to be looked into by the container from the moment we are in its pid namespace (CVE-2016-9962).
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Error::last_errno("prctl dumpable");
  int namespaces = plan.namespaces & ~CLONE_NEWCGROUP;
  if (namespaces != 0 && ::setns(plan.target_pidfd, namespaces) != 0)
    return Error::last_errno("enter the container");
  if ((plan.namespaces & CLONE_NEWUSER) != 0) {
    if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
      return Error::last_errno("become the namespace's root");
  }
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
    run_exec_child(plan, sync.theirs.get(), null_device);
  }
  return ExecChild{static_cast<pid_t>(pid), Fd(pidfd), std::move(sync.ours)};
}

}  // namespace

StepFailure launch_exec_session(const Json& request) {
  Result<ExecPlan> plan = read_plan(request);
  if (!plan) return make_failure("request", "", plan.error());
  Fd null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_device) return make_failure("stdio", "/dev/null", Error::last_errno("open /dev/null"));
  Result<ExecChild> child = clone_into_container(*plan, null_device.get());
  if (!child) return make_failure("enter", "", child.error());
  for (int fd : {plan->stdio.in, plan->stdio.out, plan->stdio.err}) {
    if (fd >= 0) ::close(fd);
  }
  Fd terminal;
  std::vector<std::string> notes;
  for (;;) {
    Result<std::optional<Report>> report = receive_report(child->sync.get());
    if (!report) return make_failure("exec", "", report.error());
    if (!*report) break;
    if ((*report)->kind == ReportKind::Terminal) terminal = std::move((*report)->fd);
    if ((*report)->kind == ReportKind::Note) notes.push_back((*report)->text);
    if ((*report)->kind != ReportKind::Failure) continue;
    siginfo_t info{};
    (void)::waitid(P_PIDFD, static_cast<id_t>(child->pidfd.get()), &info, WEXITED);
    return std::move((*report)->failure);
  }
  ProcessFds fds;
  fds.pidfd = child->pidfd.get();
  fds.terminal = terminal.get();
  (void)tell_process(kControlFd, wire::kStarted, child->pid, fds, notes);
  wire::WatchState state;
  state.flags = wire::kWatchExec;
  state.control = kControlFd;
  state.pid = child->pid;
  state.pidfd = child->pidfd.get();
  Error error = become_watch(fd_number(request, "watch_fd"), state);
  return make_failure("watch", "", error);
}

}  // namespace stack::runtime
