// An additional process in a running container.
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/container/enter.h"
#include "runtime/container/report.h"
#include "runtime/launch/engine_link.h"
#include "runtime/launch/handover.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launch_request.h"

namespace stack::runtime {

namespace {

Result<EnterPlan> read_exec_plan(const Json& request) {
  EnterPlan plan;
  TRY_ASSIGN(plan.process, parse_process(request.value("process", Json())).in("process"));
  int filter = request_fd(request, "seccomp_fd");
  if (filter >= 0) {
    if (::lseek(filter, 0, SEEK_SET) != 0) return Error::last_errno("seccomp program");
    TRY_ASSIGN(plan.seccomp.bpf, read_all(filter, size_t{1} << 20));
    plan.seccomp.flags = static_cast<unsigned>(int_or(request, "seccomp_flags"));
  }
  plan.stdio = {request_fd(request, "stdin_fd"), request_fd(request, "stdout_fd"),
                request_fd(request, "stderr_fd")};
  TRY_ASSIGN(plan.namespaces, differing_namespaces(request_fd(request, "target_pid")));
  // The process may live longer than the container.
  plan.returns = true;
  std::string cgroup = string_or(request, "cgroup_path");
  if (!cgroup.empty()) {
    TRY_ASSIGN(Cgroups cgroups, Cgroups::detect());
    TRY_ASSIGN(plan.cgroup, cgroups.open_entry(cgroup));
  }
  return plan;
}

// The state of a monitor that outlives the engine: it holds the streams and listens for later engines.
Result<Fd> prepare_monitor(const Json& request, wire::MonitorState& state) {
  TRY(fill_monitor_state(request, state));
  state.stdin_write = request_fd(request, "stdin_write_fd");
  state.stdout_read = request_fd(request, "stdout_read_fd");
  state.stderr_read = request_fd(request, "stderr_read_fd");
  state.requests_first = 1;
  TRY_ASSIGN(Fd listener, listen_in(string_or(request, "run_dir")));
  state.listener = listener.get();
  return listener;
}

}  // namespace

StepFailure launch_exec_session(const Json& request) {
  wire::MonitorState state;
  Fd listener;
  bool outlives = !string_or(request, "run_dir").empty();
  if (outlives) {
    Result<Fd> prepared = prepare_monitor(request, state);
    if (!prepared) return make_failure("monitor", "", prepared.error());
    listener = std::move(*prepared);
  }
  Result<EnterPlan> plan = read_exec_plan(request);
  if (!plan) return make_failure("request", "", plan.error());
  Result<NewContainer> child = enter_container(*plan, request_fd(request, "target_pidfd"));
  if (!child) return make_failure("enter", "", child.error());
  for (int fd : {plan->stdio.in, plan->stdio.out, plan->stdio.err}) {
    if (fd >= 0) ::close(fd);
  }
  Fd terminal;
  std::vector<std::string> notes;
  bool announced = false;
  for (;;) {
    Result<std::optional<Report>> report = receive_report(child->sync.get());
    if (!report) return make_failure("exec", "", report.error());
    if (!*report && !announced) return make_failure("exec", "", Error("the process was killed during setup"));
    if (!*report) break;
    announced = announced || (*report)->kind == ReportKind::Ready;
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
  state.flags |= wire::kWatchExec;
  if (outlives) state.terminal = terminal.get();
  if (outlives && terminal) state.flags |= wire::kWatchTerminal;
  state.control = kControlFd;
  state.pid = child->pid;
  state.pidfd = child->pidfd.get();
  Error error = become_monitor(request_fd(request, "monitor_fd"), state);
  return make_failure("watch", "", error);
}

}  // namespace stack::runtime
