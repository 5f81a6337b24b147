#include "runtime/container/child.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "runtime/container/mount_calls.h"
#include "runtime/container/process.h"
#include "runtime/container/report.h"
#include "runtime/container/setup.h"

namespace stack::runtime {

namespace {

struct Context {
  Setup setup;
  const ChildResources& resources;
  Fd null_device;
  std::vector<std::string> environment;  // of the command
};

using StepFunction = Result<> (*)(Context&);
struct Step {
  const char* name;
  StepFunction run;
};

// A single-threaded process that moves itself by writing "0" to `tasks` avoids the RCU grace period that a write to
// cgroup.procs costs.
Result<> enter_cgroups(Context& context) {
  for (const Fd& tasks : context.resources.cgroup.tasks) TRY(write_all(tasks.get(), "0"));
  return {};
}

Result<> begin_session(Context& context) {
  // Processes in the container must not inspect us before we execute the command (CVE-2016-9962).
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Error::last_errno("prctl dumpable");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Error::last_errno("prctl pdeathsig");
  if (::setsid() < 0 && errno != EPERM) return Error::last_errno("setsid");
  ::umask(0);
  if (context.setup.plan.new_keyring) leave_session_keyring();
  const ChildStdio& stdio = context.setup.stdio;
  if (stdio.in >= 0 && stdio.out >= 0 && stdio.err >= 0) return {};
  context.null_device = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!context.null_device) return Error::last_errno("open /dev/null");
  return {};
}

Result<> enter_namespace(Context& context, int type) {
  if (context.resources.joined_early) return {};
  for (const JoinedNamespace& ns : context.resources.joined) {
    if (ns.type != type) continue;
    if (::setns(ns.fd.get(), type) != 0) return Error::last_errno("join namespace");
  }
  return {};
}

Result<> become_namespace_root() {
  if (::setresgid(0, 0, 0) != 0) return Error::last_errno("setresgid 0");
  if (::setresuid(0, 0, 0) != 0) return Error::last_errno("setresuid 0");
  return {};
}

Result<> enter_namespaces(Context& context) {
  const ContainerPlan& plan = context.setup.plan;
  if (plan.spec.new_namespace(CLONE_NEWUSER)) {
    TRY_ASSIGN(std::optional<Report> mapped, receive_report(context.setup.sync));
    if (!mapped) ::_exit(1);
    TRY(become_namespace_root());
  } else if (plan.spec.find_namespace(CLONE_NEWUSER) != nullptr) {
    TRY(become_namespace_root());  // joined before the clone, so that it owns the other namespaces
  }
  context.setup.user_namespace = plan.spec.find_namespace(CLONE_NEWUSER) != nullptr;
  for (int type : {CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWNET, CLONE_NEWNS})
    TRY(enter_namespace(context, type));
  if (plan.netns_fd >= 0 && ::setns(plan.netns_fd, CLONE_NEWNET) != 0)
    return Error::last_errno("join network namespace");
  // Must follow entering the cgroups, so that the container sees its cgroup as the root.
  if (plan.spec.new_namespace(CLONE_NEWCGROUP) && ::unshare(CLONE_NEWCGROUP) != 0)
    return Error::last_errno("new cgroup namespace");
  return {};
}

Result<> set_oom_score(Context& context) {
  const std::optional<ProcessSpec>& process = context.setup.plan.spec.process;
  if (!process || !process->oom_score_adj) return {};
  // Must precede pivot_root, while the host's /proc is visible.
  Result<> written = write_file("/proc/self/oom_score_adj", std::to_string(*process->oom_score_adj));
  if (written || (written.error().code() != EACCES && written.error().code() != EPERM)) return written;
  context.setup.notes.push_back("oom_score_adj " + std::to_string(*process->oom_score_adj) +
                                " cannot be set here; keeping the current value");
  return {};
}

Result<> root_step(Context& context) {
  // Saves the working directory for our hooks, because later steps change it.
  if (!context.setup.plan.spec.hooks.create_container.empty()) {
    TRY_ASSIGN(context.setup.start_directory, open_file(".", O_PATH | O_DIRECTORY));
  }
  return set_up_root(context.setup);
}
Result<> mounts_step(Context& context) { return set_up_mounts(context.setup); }
Result<> devices_step(Context& context) { return set_up_devices(context.setup); }
Result<> terminal_step(Context& context) { return set_up_terminal(context.setup); }
Result<> kernel_values_step(Context& context) { return set_up_kernel_values(context.setup); }
Result<> hide_step(Context& context) {
  for (const Fd& mount : context.setup.read_only_later)
    TRY(change_mount(mount.get(), MOUNT_ATTR_RDONLY, 0, false));
  return hide_paths(context.setup);
}
Result<> pivot_step(Context& context) { return enter_root(context.setup); }

// From here on, paths from the container's configuration are looked up. Closes all descriptors, so that
// "/proc/self/fd/7/../.." does not reach the host (CVE-2024-21626).
Result<> drop_descriptors(Context& context) {
  Setup& setup = context.setup;
  std::vector<int> kept = {setup.sync,
                           setup.stdio.in,
                           setup.stdio.out,
                           setup.stdio.err,
                           setup.terminal_peer.get(),
                           context.null_device.get(),
                           setup.plan.init_fd,
                           setup.plan.start_listener};
  for (int i = 0; i < setup.plan.kept_fds; ++i) kept.push_back(3 + i);
  return close_all_but(std::move(kept));
}

Result<> hooks_step(Context& context) {
  const ContainerPlan& plan = context.setup.plan;
  const HookSet& hooks = plan.spec.hooks;
  if (hooks.prestart.empty() && hooks.create_runtime.empty() && hooks.create_container.empty()) return {};
  // The launcher's hooks run first, in its namespaces. Our hooks also use the host's file system, because the root has not
  // been entered yet.
  TRY(send_report(context.setup.sync, ReportKind::Hooks));
  TRY_ASSIGN(std::optional<Report> go, receive_report(context.setup.sync));
  if (!go) ::_exit(1);
  if (context.setup.start_directory) {
    if (::fchdir(context.setup.start_directory.get()) != 0) return Error::last_errno("fchdir");
    context.setup.in_dev = false;
  }
  return run_hooks(hooks.create_container, "createContainer",
                   hook_state_text(plan.hook_state, "creating", ::getpid()));
}

Result<> prepare_process(Context& context) {
  const ContainerPlan& plan = context.setup.plan;
  if (!plan.spec.process) return {};
  const ProcessSpec& process = *plan.spec.process;
  TRY(drop_descriptors(context));
  TRY(apply_limits(process, context.setup.notes));
  TRY(apply_execution_domain(plan.spec));
  // The working directory is the root now, where enter_root() left us.
  context.environment = command_environment(process, AT_FDCWD);
  context.setup.object = process.cwd;
  if (process.cwd != "/") {
    TRY(make_working_directory(process.cwd));
    TRY(enter_working_directory(process.cwd));
  }
  context.setup.object = process.args.front();
  TRY_ASSIGN(context.setup.executable, find_executable(process.args.front(), process.env));
  // Done before the start, so that readers of the launcher's streams do not wait for it.
  context.setup.object = "standard streams";
  return set_up_stdio(process, context.setup.stdio, context.setup.terminal_peer.get(),
                      context.null_device.get());
}

// Closes descriptors left open by the launcher and its callers, so that no reader waits for end of file meanwhile.
Result<> keep_only(int listener, int first) {
  bool below = listener <= first || ::syscall(SYS_close_range, first, listener - 1, 0) == 0;
  bool above = ::syscall(SYS_close_range, listener + 1, ~0U, 0) == 0;
  if (!below || !above) return Error::last_errno("close_range");
  return {};
}

// The process that connects to the start socket and sends Go replaces the launcher.
Result<> wait_at_start_socket(Context& context) {
  for (;;) {
    Fd starter(::accept4(context.setup.plan.start_listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!starter && errno != EINTR && errno != ECONNABORTED) return Error::last_errno("accept");
    if (!starter) continue;
    Result<std::optional<Report>> go = receive_report(starter.get());
    if (!go || !*go || (*go)->kind != ReportKind::Go) continue;
    context.setup.sync = starter.release();
    return {};
  }
}

// At this point the container is complete except for the command.
Result<> announce(Context& context) {
  const ContainerPlan& plan = context.setup.plan;
  for (const std::string& note : context.setup.notes)
    TRY(send_report(context.setup.sync, ReportKind::Note, note));
  if (!plan.hold) return send_report(context.setup.sync, ReportKind::Ready);
  // The launcher may exit after its answer; its exit must no longer kill us.
  if (plan.start_listener >= 0 && ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) != 0)
    return Error::last_errno("prctl pdeathsig");
  TRY(send_report(context.setup.sync, ReportKind::Ready));
  TRY_ASSIGN(std::optional<Report> go, receive_report(context.setup.sync));
  if (!go) ::_exit(1);
  if (plan.start_listener < 0) return {};
  TRY(keep_only(plan.start_listener, 3 + plan.kept_fds));
  return wait_at_start_socket(context);
}

Result<> start_hooks_step(Context& context) {
  const ContainerPlan& plan = context.setup.plan;
  if (plan.spec.hooks.start_container.empty()) return {};
  return run_hooks(plan.spec.hooks.start_container, "startContainer",
                   hook_state_text(plan.hook_state, "created", ::getpid()));
}

Result<> become_user(Context& context) {
  const ContainerPlan& plan = context.setup.plan;
  if (!plan.spec.process) return invalid("the configuration has no process");
  // From now on, the launcher may exit without affecting the command. A change of user would clear this as well.
  if (::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) != 0) return Error::last_errno("prctl pdeathsig");
  TRY(close_on_execution(3 + plan.kept_fds));
  return become(*plan.spec.process, plan.seccomp, context.setup.sync);
}

Result<> execute_command(Context& context) {
  const ContainerPlan& plan = context.setup.plan;
  context.setup.object = plan.spec.process->args.front();
  return execute(*plan.spec.process, context.environment, context.setup.executable, plan.init_fd);
}

constexpr Step kSteps[] = {
    {"cgroup", enter_cgroups},    {"session", begin_session},  {"namespaces", enter_namespaces},
    {"oom score", set_oom_score}, {"root", root_step},         {"mount", mounts_step},
    {"device", devices_step},     {"terminal", terminal_step}, {"kernel value", kernel_values_step},
    {"hook", hooks_step},         {"hide paths", hide_step},   {"pivot root", pivot_step},
    {"process", prepare_process}, {"announce", announce},      {"hook", start_hooks_step},
    {"identity", become_user},    {"exec", execute_command},
};

}  // namespace

void run_child(const ContainerPlan& plan, const ChildResources& resources) {
  ::close(resources.launcher_sync);
  Context context{Setup(plan, resources.stdio, resources.sync), resources, Fd(), {}};
  for (const Step& step : kSteps) {
    context.setup.object.clear();
    Result<> done = step.run(context);
    if (done) continue;
    StepFailure failure = make_failure(step.name, context.setup.object, done.error());
    (void)send_failure(context.setup.sync, failure);
    ::_exit(failure.exit_code);
  }
  ::_exit(125);
}

}  // namespace stack::runtime
