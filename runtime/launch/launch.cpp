#include "runtime/launch/launch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/process.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/container/hooks.h"
#include "runtime/container/host_mounts.h"
#include "runtime/container/mount_calls.h"
#include "runtime/container/start.h"
#include "runtime/launch/engine_link.h"
#include "runtime/launch/handover.h"
#include "runtime/launch/launch_request.h"

namespace stack::runtime {

int request_fd(const Json& request, const char* key) { return static_cast<int>(int_or(request, key, -1)); }

namespace {

Result<std::string> read_filter(const Json& request) {
  int fd = request_fd(request, "seccomp_fd");
  if (fd < 0) return std::string();
  if (::lseek(fd, 0, SEEK_SET) != 0) return Error::last_errno("seccomp program");
  return read_all(fd, size_t{1} << 20).in("seccomp program");
}

std::vector<std::string> strings(const Json& object, const char* key) {
  std::vector<std::string> out;
  for (const Json& item : object.value(key, Json::array())) out.push_back(item.get<std::string>());
  return out;
}

// Sources passed as descriptors belong to the host's mount namespace, so they are cloned while we are still there.
Result<> take_mount_sources(const Json& request, ContainerPlan& plan) {
  const Json sources = request.value("mount_sources", Json::object());
  for (const auto& [destination, number] : sources.items()) {
    std::string clean = absolute_path("/", destination);
    Result<Fd> copy = clone_mount(number.get<int>(), true);
    // Before Linux 6.15, a detached mount cannot be cloned, so it is used directly.
    if (!copy && copy.error().code() == EINVAL) copy = Fd(::fcntl(number.get<int>(), F_DUPFD_CLOEXEC, 3));
    if (!copy) return std::move(copy).error().in("source of " + destination);
    plan.mount_sources.emplace(clean, std::move(*copy));
  }
  return {};
}

// A hook reads the container's state and finds config.json in its bundle.
Result<> prepare_hooks(const Json& request, Json config, ContainerPlan& plan) {
  plan.hook_state.oci_version = plan.spec.oci_version;
  plan.hook_state.id = plan.container_id;
  plan.hook_state.bundle = string_or(request, "run_dir");
  plan.hook_state.rootfs = plan.attach_point;
  config["root"]["path"] = plan.attach_point;
  return write_file(plan.hook_state.bundle + "/config.json", to_text(config), 0600);
}

Result<> run_host_hooks(const ContainerPlan& plan, const NewContainer& child) {
  std::string state = hook_state_text(plan.hook_state, "creating", child.pid);
  TRY(run_hooks(plan.spec.hooks.prestart, "prestart", state));
  TRY(run_hooks(plan.spec.hooks.create_runtime, "createRuntime", state));
  return send_report(child.sync.get(), ReportKind::Go);
}

Result<ContainerPlan> read_plan(const Json& request) {
  ContainerPlan plan;
  TRY_ASSIGN(Json config, parse_json(string_or(request, "oci_config")).in("config.json"));
  TRY_ASSIGN(plan.spec, parse_spec(config).in("config.json"));
  if (!plan.spec.process) return invalid("config.json: process is missing");
  if (plan.spec.find_namespace(CLONE_NEWNS) == nullptr)
    return unsupported("a container requires a mount namespace");
  plan.container_id = string_or(request, "container_id");
  Json rootfs = request.value("rootfs", Json::object());
  plan.layers.lower_dirs = strings(rootfs, "lower_dirs");
  plan.layers.upper_dir = string_or(rootfs, "upper_dir");
  plan.layers.work_dir = string_or(rootfs, "work_dir");
  plan.layers.volatile_upper = bool_or(rootfs, "volatile");
  if (plan.layers.upper_dir.empty() && plan.layers.lower_dirs.size() == 1) {
    // A single read-only layer needs no overlay.
    plan.spec.root_path = plan.layers.lower_dirs.front();
    plan.spec.root_readonly = true;
    plan.layers.lower_dirs.clear();
  } else if (plan.layers.lower_dirs.empty()) {
    plan.spec.root_path = string_or(rootfs, "path");
    if (!plan.spec.root_path.starts_with('/')) return invalid("the root's path must be absolute");
  }
  // The directory it covers can no longer be a bind source, so it must never be one.
  plan.attach_point = string_or(rootfs, "path");
  if (plan.attach_point.empty()) plan.attach_point = plan.layers.upper_dir;
  if (plan.attach_point.empty()) plan.attach_point = plan.spec.root_path;
  if (plan.attach_point.empty()) plan.attach_point = plan.layers.lower_dirs.front();
  plan.cgroup_path = string_or(request, "cgroup_path");
  plan.netns_fd = request_fd(request, "netns_fd");
  if (bool_or(request, "use_init")) plan.init_fd = request_fd(request, "init_fd");
  plan.hold = bool_or(request, "hold");
  if (!plan.spec.hooks.empty()) TRY(prepare_hooks(request, std::move(config), plan));
  TRY_ASSIGN(plan.seccomp.bpf, read_filter(request));
  plan.seccomp.flags = static_cast<unsigned>(int_or(request, "seccomp_flags"));
  TRY(take_mount_sources(request, plan));
  TRY(make_host_mounts(plan));
  return plan;
}

struct StdioPipes {
  Pipe in, out, err;
};

// A pipe whose write end can also read and which therefore always has a reader. If engine and monitor are both dead, a
// writing container blocks until the next reader instead of dying from SIGPIPE.
Result<Pipe> make_lasting_pipe() {
  TRY_ASSIGN(Pipe pipe, make_pipe());
  std::string path = "/proc/self/fd/" + std::to_string(pipe.write.get());
  Fd both(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (both) pipe.write = std::move(both);
  return pipe;
}

Result<StdioPipes> make_stdio(const Json& request, bool terminal) {
  StdioPipes pipes;
  if (terminal) return pipes;
  if (bool_or(request, "open_stdin")) {
    TRY_ASSIGN(pipes.in, make_pipe());
  }
  TRY_ASSIGN(pipes.out, make_lasting_pipe());
  TRY_ASSIGN(pipes.err, make_lasting_pipe());
  return pipes;
}

// Undoes a failed start.
class Undo {
 public:
  explicit Undo(std::string run_dir) : run_dir_(std::move(run_dir)) {}
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    if (committed_) return;
    if (pidfd_) {
      (void)signal_pidfd(pidfd_.get(), SIGKILL);
      siginfo_t info{};
      (void)::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED);
    }
    if (!cgroup_.empty()) {
      (void)cgroups_.kill_all(cgroup_);
      (void)cgroups_.remove(cgroup_);
    }
    ::unlink((run_dir_ + "/monitor.sock").c_str());
  }
  void watch_cgroup(Cgroups cgroups, std::string path) {
    cgroups_ = std::move(cgroups);
    cgroup_ = std::move(path);
  }
  void watch_process(Fd pidfd) { pidfd_ = std::move(pidfd); }
  void commit() { committed_ = true; }

 private:
  std::string run_dir_;
  std::string cgroup_;
  Cgroups cgroups_;
  Fd pidfd_;
  bool committed_ = false;
};

Result<Cgroups::Entry> make_cgroup(ContainerPlan& plan, Undo& undo, std::vector<std::string>& notes) {
  if (plan.cgroup_path.empty()) return Cgroups::Entry();
  TRY_ASSIGN(plan.cgroups, Cgroups::detect());
  const Cgroups& cgroups = plan.cgroups;
  // Checking one hierarchy is enough, because cgroups are created and removed in all of them.
  bool existed =
      path_exists(cgroups.directory(cgroups.mode() == CgroupMode::V2 ? "" : "memory", plan.cgroup_path));
  if (!existed) undo.watch_cgroup(cgroups, plan.cgroup_path);
  TRY(cgroups.create(plan.cgroup_path, plan.spec.resources, &notes));
  return cgroups.open_entry(plan.cgroup_path);
}

// Follows the child's reports until the command runs (nullopt) or fails. End of file means that the command was executed if
// the child announced it, otherwise that the child died.
struct Progress {
  Fd terminal;
  std::vector<std::string> notes;
};

using Outcome = std::optional<StepFailure>;

Outcome follow(const ContainerPlan& plan, const NewContainer& child, Progress& progress,
               const auto& on_ready) {
  bool announced = false;
  for (;;) {
    Result<std::optional<Report>> report = receive_report(child.sync.get());
    if (!report) return make_failure("setup", "", report.error());
    if (!*report && announced) return std::nullopt;
    if (!*report) return make_failure("setup", "", Error("the process was killed during setup"));
    switch ((*report)->kind) {
      case ReportKind::Terminal:
        progress.terminal = std::move((*report)->fd);
        break;
      case ReportKind::Note:
        progress.notes.push_back(std::move((*report)->text));
        break;
      case ReportKind::Failure:
        return std::move((*report)->failure);
      case ReportKind::Ready: {
        announced = true;
        if (!plan.hold) break;
        Result<> go = on_ready();
        if (go) go = send_report(child.sync.get(), ReportKind::Go);
        if (!go) return make_failure("start", "", go.error());
        break;
      }
      case ReportKind::Hooks:
        if (Result<> run = run_host_hooks(plan, child); !run) return make_failure("hooks", "", run.error());
        break;
      default:
        break;
    }
  }
}

ProcessFds engine_fds(const NewContainer& child, const StdioPipes& pipes, const Progress& progress) {
  return {child.pidfd.get(), pipes.in.write.get(), pipes.out.read.get(), pipes.err.read.get(),
          progress.terminal.get()};
}

void close_child_ends(StdioPipes& pipes) {
  pipes.in.read.reset();
  pipes.out.write.reset();
  pipes.err.write.reset();
}

}  // namespace

StepFailure launch_container(const Json& request) {
  Undo undo(string_or(request, "run_dir"));
  Progress progress;
  wire::MonitorState state;
  auto fail = [](const char* step, const Error& error) { return make_failure(step, "", error); };

  Result<ContainerPlan> plan = read_plan(request);
  if (!plan) return fail("request", plan.error());
  Result<> filled = fill_monitor_state(request, state);
  if (!filled) return fail("request", filled.error());
  ::unlinkat(state.state_dir, "exit.json", 0);
  Result<Fd> listener = listen_in(string_or(request, "run_dir"));
  if (!listener) return fail("socket", listener.error());
  bool terminal = plan->spec.process->terminal;
  Result<StdioPipes> pipes = make_stdio(request, terminal);
  if (!pipes) return fail("stdio", pipes.error());
  progress.notes = plan->spec.process->notes;
  Result<Cgroups::Entry> cgroup = make_cgroup(*plan, undo, progress.notes);
  if (!cgroup) return fail("cgroup", cgroup.error());
  open_oom_watch(plan->cgroups, plan->cgroup_path, state);

  ChildStdio stdio{pipes->in.read.get(), pipes->out.write.get(), pipes->err.write.get()};
  Result<NewContainer> child = clone_container(*plan, stdio, std::move(*cgroup));
  if (!child) return fail("clone", child.error());
  undo.watch_process(child->pidfd.duplicate().value_or(Fd()));
  close_child_ends(*pipes);
  auto on_ready = [&]() -> Result<> {
    TRY(tell_process(kControlFd, wire::kCreated, child->pid, engine_fds(*child, *pipes, progress), {}));
    TRY_ASSIGN(std::optional<uint32_t> start, wait_for_start(kControlFd));
    if (!start) return Error(ErrorKind::Canceled, "the engine disconnected before the start");
    state.requests_first = *start;
    return {};
  };
  Outcome failed = follow(*plan, *child, progress, on_ready);
  if (failed) return std::move(*failed);
  (void)tell_process(kControlFd, wire::kStarted, child->pid, engine_fds(*child, *pipes, progress),
                     progress.notes);

  state.control = kControlFd;
  state.listener = listener->get();
  state.pid = child->pid;
  state.pidfd = child->pidfd.get();
  state.netns = plan->netns_fd;
  state.stdin_write = pipes->in.write.get();
  state.stdout_read = pipes->out.read.get();
  state.stderr_read = pipes->err.read.get();
  state.terminal = progress.terminal.get();
  if (terminal) state.flags |= wire::kWatchTerminal;
  Error error = become_monitor(request_fd(request, "monitor_fd"), state);
  return fail("watch", error);
}

// ---- adoption: the container is running, its monitor is gone ----

namespace {

// Reopens the read end of a pipe that the container writes to, through the container's descriptor.
int reopen_stream(pid_t pid, int number, int flags) {
  std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(number);
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || !S_ISFIFO(info.st_mode)) return -1;
  return ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK);
}

}  // namespace

StepFailure adopt_container(const Json& request) {
  wire::MonitorState state;
  Result<> filled = fill_monitor_state(request, state);
  if (!filled) return make_failure("request", "", filled.error());
  Result<Fd> listener = listen_in(string_or(request, "run_dir"));
  if (!listener) return make_failure("socket", "", listener.error());
  state.flags |= wire::kWatchAdopted | wire::kWatchGreet;
  state.control = kControlFd;
  state.listener = listener->get();
  state.pid = request_fd(request, "pid");
  state.pidfd = request_fd(request, "pidfd");
  state.netns = request_fd(request, "netns_fd");
  state.stdin_write = request_fd(request, "stdin_fd");
  state.stdout_read = request_fd(request, "stdout_fd");
  state.stderr_read = request_fd(request, "stderr_fd");
  state.terminal = request_fd(request, "terminal_fd");
  bool terminal = bool_or(request, "tty");
  if (terminal) state.flags |= wire::kWatchTerminal;
  if (!terminal && state.stdout_read < 0) state.stdout_read = reopen_stream(state.pid, 1, O_RDONLY);
  if (!terminal && state.stderr_read < 0) state.stderr_read = reopen_stream(state.pid, 2, O_RDONLY);
  if (!terminal && state.stdin_write < 0) state.stdin_write = reopen_stream(state.pid, 0, O_WRONLY);
  Result<Cgroups> cgroups = Cgroups::detect();
  if (cgroups) open_oom_watch(*cgroups, string_or(request, "cgroup_path"), state);
  Error error = become_monitor(request_fd(request, "monitor_fd"), state);
  return make_failure("watch", "", error);
}

}  // namespace stack::runtime
