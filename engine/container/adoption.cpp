// Recovery: adopts running containers through their monitors, or if these do not answer, from kernel state.
#include <signal.h>

#include <algorithm>

#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "engine/container/process_search.h"
#include "engine/container/recovery.h"

namespace stack::engine {

namespace {

constexpr auto kGreetingLimit = std::chrono::seconds(2);
constexpr size_t kAdoptedAtOnce = 32;

// The monitor's first message after connecting; nullopt if none arrives.
Task<std::optional<runtime::Hello>> greeting(asio::io_context& io, asio::posix::stream_descriptor& control) {
  asio::steady_timer limit(io, kGreetingLimit);
  limit.async_wait([&control](asio::error_code code) {
    if (!code) control.cancel();
  });
  for (;;) {
    Result<std::optional<runtime::Message>> message = runtime::receive_message(control.native_handle());
    if (!message) co_return std::nullopt;
    if (*message) {
      if (auto* hello = std::get_if<runtime::Hello>(&**message)) co_return std::move(*hello);
      if (std::holds_alternative<runtime::Closed>(**message)) co_return std::nullopt;
      continue;
    }
    asio::error_code code;
    co_await control.async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return std::nullopt;
  }
}

// A monitor that does not answer or has lost its socket. It is stopped while its successor starts, so that they do not
// both read output, and killed once the successor has taken over.
class FormerMonitor {
 public:
  FormerMonitor() = default;
  explicit FormerMonitor(pid_t pid) : pid_(pid) {
    Result<Fd> opened = open_pidfd(pid);
    if (!opened) return;
    pidfd_ = std::move(*opened);
    (void)signal_pidfd(pidfd_.get(), SIGSTOP);
  }
  FormerMonitor(FormerMonitor&&) = default;
  FormerMonitor& operator=(FormerMonitor&&) = default;
  ~FormerMonitor() {
    if (pidfd_) (void)signal_pidfd(pidfd_.get(), SIGCONT);
  }
  Fd terminal() const { return pidfd_ ? take_terminal(pid_, pidfd_.get()) : Fd(); }
  void end() {
    if (pidfd_) (void)signal_pidfd(pidfd_.get(), SIGKILL);
    pidfd_.reset();
  }

 private:
  pid_t pid_ = -1;
  Fd pidfd_;
};

}  // namespace

// Starts a new monitor for a running container whose monitor does not answer. NotFound if it does not run.
Task<Result<runtime::Hello>> Recovery::take_over(ContainerPtr container,
                                                 std::shared_ptr<ContainerProcess> process) {
  runtime::AdoptRequest request = co_await requests_.adopt(container);
  if (!parts_.cgroups.exists(request.cgroup_path)) co_return not_found("it has no cgroup");
  auto recorded = static_cast<pid_t>(container->state.pid);
  std::optional<pid_t> pid = first_process(parts_.cgroups, request.cgroup_path, recorded);
  Result<Fd> pidfd = pid ? open_pidfd(*pid) : Result<Fd>(Error("gone"));
  if (!pidfd) co_return not_found("it has no live process");
  auto search = [paths = context_.paths] { return find_monitors(paths); };
  std::map<std::string, pid_t> monitors = co_await offload(context_.pool, search);
  auto found = monitors.find(container->id.text());
  FormerMonitor former = found == monitors.end() ? FormerMonitor() : FormerMonitor(found->second);
  Fd netns = network_namespace_of(*pid);
  runtime::Stdio stdio;
  stdio.terminal = former.terminal();
  request.pid = *pid;
  request.pidfd = pidfd->get();
  request.netns_fd = netns ? netns.get() : -1;
  request.stdio = &stdio;
  Result<> folder = ensure_directory(request.run_dir, 0700);
  CO_TRY(folder);
  Result<runtime::Monitor> made = runtime::adopt(request, parts_.monitor_program);
  CO_TRY(made);
  process->control.assign(made->control.release());
  process->monitor_pid = made->pid;
  process->monitor_pidfd = std::move(made->pidfd);
  std::optional<runtime::Hello> hello = co_await greeting(context_.io, process->control);
  if (!hello) co_return Error("its new monitor does not answer");
  former.end();
  log_info("container " + container->spec.name + ": its monitor did not answer; started a new one");
  co_return std::move(*hello);
}

// The engine died during a launch: the monitor runs, but does not serve yet. Without this, its container would be taken for one whose
// monitor hangs, and killed before its command starts.
Task<Result<Fd>> Recovery::launched_meanwhile(ContainerPtr container) {
  constexpr int kTries = 100;
  std::string folder = context_.paths.container_run(container->id);
  for (int i = 0; i < kTries && parts_.cgroups.exists(facts_.cgroup_path(*container)) && path_exists(folder);
       ++i) {
    if (path_exists(folder + "/monitor.sock")) co_return runtime::connect_monitor(folder);
    auto search = [paths = context_.paths] { return find_monitors(paths); };
    std::map<std::string, pid_t> monitors = co_await offload(context_.pool, search);
    if (!monitors.contains(container->id.text())) break;
    co_await sleep_for(context_.io, std::chrono::milliseconds(50));
  }
  co_return not_found("it has no monitor");
}

Task<Result<runtime::Hello>> Recovery::reach(ContainerPtr container,
                                             std::shared_ptr<ContainerProcess> process) {
  Result<Fd> control = runtime::connect_monitor(context_.paths.container_run(container->id));
  if (!control) control = co_await launched_meanwhile(container);
  if (control) {
    process->control.assign(control->release());
    std::optional<runtime::Hello> hello = co_await greeting(context_.io, process->control);
    if (hello) co_return std::move(*hello);
    asio::error_code ignored;
    process->control.close(ignored);
  }
  co_return co_await take_over(container, process);
}

Task<Recovery::Adoption> Recovery::adopt(ContainerPtr container) {
  auto process = std::make_shared<ContainerProcess>(context_.io);
  Result<runtime::Hello> hello = co_await reach(container, process);
  if (!hello && hello.error().kind() == ErrorKind::NotFound) co_return Adoption::Gone;
  if (!hello) {
    std::string reason = "it is running but cannot be adopted: " + hello.error().text();
    log_error("container " + container->spec.name + ": " + reason);
    context_.unreadable.push_back({Table::Containers, container->id.text(), std::move(reason)});
    co_return Adoption::Unreachable;
  }
  auto run = std::make_shared<ContainerRun>();
  run->netns = std::move(hello->netns);
  run->held = std::move(hello->held_fds);
  process->monitor_pid = hello->monitor_pid;
  process->pidfd = std::move(hello->pidfd);
  process->stdio = std::move(hello->stdio);
  if (Result<WallTime> began = parse_rfc3339(container->state.started_at); began) {
    auto ran = std::chrono::system_clock::now() - *began;
    process->started = std::chrono::steady_clock::now() - std::max(ran, decltype(ran)::zero());
  }
  container->run = run;
  run->process = process;
  bool noted = container->phase == Phase::Running || container->phase == Phase::Paused;
  // The engine died while it copied files of a frozen container.
  if (container->phase == Phase::Running) (void)parts_.cgroups.thaw(facts_.cgroup_path(*container));
  (void)container->take(LifeEvent::Adopted);
  if (!noted) {
    // The engine died after the start, before recording it.
    container->state.started_at = rfc3339(std::chrono::system_clock::now());
  }
  container->state.pid = hello->pid;
  container->boot_id = context_.boot_id;
  // Its supervisor handles the exit after the networks are set up.
  process->ended = hello->exited;
  process->readers_lost = hello->readers_lost;
  (void)context_.save(*container);
  co_return Adoption::Running;
}

// Adopts several at a time, so that a hanging monitor blocks neither the others nor the engine's start.
Task<std::vector<Recovery::Adoption>> Recovery::adopt_all(std::vector<ContainerPtr> all) {
  struct Progress {
    Progress(asio::io_context& io, size_t count) : outcomes(count, Adoption::Gone), ended(io) {}
    std::vector<Adoption> outcomes;
    size_t next = 0;
    size_t workers = 0;
    Signal ended;
  };
  auto progress = std::make_shared<Progress>(context_.io, all.size());
  auto work = [](Recovery& self, const std::vector<ContainerPtr>& containers,
                 std::shared_ptr<Progress> shared) -> Task<> {
    while (shared->next < containers.size()) {
      size_t mine = shared->next++;
      Adoption outcome = co_await self.adopt(containers[mine]);
      shared->outcomes[mine] = outcome;
    }
    --shared->workers;
    shared->ended.notify_all();
  };
  progress->workers = std::min(kAdoptedAtOnce, all.size());
  for (size_t i = progress->workers; i > 0; --i) stack::start(context_.io, work(*this, all, progress));
  while (progress->workers > 0) co_await progress->ended.wait();
  co_return std::move(progress->outcomes);
}

}  // namespace stack::engine
