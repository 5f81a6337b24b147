#include "engine/container/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/children.h"
#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "engine/container/cgroup_parent.h"
#include "engine/container/mount_sources.h"
#include "engine/container/refusal.h"
#include "engine/logs/log_settings.h"

namespace stack::engine {

namespace {

using Clock = std::chrono::steady_clock;

// Maximum time for a monitor to report an exit that the pidfd already shows.
constexpr auto kReportLimit = std::chrono::milliseconds(500);
// Maximum time for clients of a previous engine to return.
constexpr auto kReaderReturnLimit = std::chrono::seconds(5);

// Poll interval for a process that missed its stop signal.
constexpr auto kPollInterval = std::chrono::milliseconds(30);
// Maximum time for a process to end after SIGKILL.
constexpr auto kKillLimit = std::chrono::seconds(12);

std::string now_text() { return rfc3339(std::chrono::system_clock::now()); }

// The monitor's next message; Closed if the monitor is gone.
Task<runtime::Message> next_message(std::shared_ptr<ContainerProcess> process) {
  for (;;) {
    Result<std::optional<runtime::Message>> message =
        runtime::receive_message(process->control.native_handle());
    if (!message) {
      log_warning("monitor: " + message.error().text());
      co_return runtime::Closed{};
    }
    if (*message) co_return std::move(**message);
    asio::error_code code;
    co_await process->control.async_wait(asio::posix::stream_descriptor::wait_read,
                                         asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return runtime::Closed{};
  }
}

}  // namespace

Task<Result<>> Supervisor::begin_run(ContainerPtr container) {
  (void)container->take(LifeEvent::Start);
  container->run = std::make_shared<ContainerRun>();
  container->state.stopped_by_user = false;
  container->state.restart_count = 0;
  container->state.error.clear();
  Result<> up = co_await parts_.networks.connect(container);
  if (up) up = co_await volumes_.attach(container);
  if (up && container->phase != Phase::Starting) up = start_canceled(*container);
  if (up) {
    (void)context_.save(*container);
    up = co_await launch(container);
  }
  if (!up) co_await fail_start(container, up.error());
  co_return up;
}

Task<> Supervisor::fail_start(ContainerPtr container, Error error) {
  if (container->phase == Phase::Starting) {
    container->state.error = error.text();
    if (!container->run->by_policy)
      container->state.exit_code = error.kind() == ErrorKind::NoCommand       ? 127
                                   : error.kind() == ErrorKind::NotExecutable ? 126
                                                                              : 128;
  }
  (void)container->take(LifeEvent::LaunchFailed);
  co_await finish(container, false);
}

void Supervisor::end_launch(ContainerRun& run) {
  if (run.launching && run.launching->monitor_pidfd)
    (void)signal_pidfd(run.launching->monitor_pidfd.get(), SIGKILL);
}

namespace {

ErrorKind kind_of(const runtime::Failed& failed) {
  return failed.exit_code == 127   ? ErrorKind::NoCommand
         : failed.exit_code == 126 ? ErrorKind::NotExecutable
                                   : ErrorKind::Internal;
}

void request_attach(ContainerProcess& process, Container::WaitingAttach attach) {
  uint32_t token = process.next_token++;
  process.attaching[token] = std::move(attach.done);
  (void)runtime::request_attach(process.control.native_handle(), token, attach.options);
}

void refuse_attaching(ContainerProcess& process, const Error& error) {
  for (auto& [token, done] : std::exchange(process.attaching, {})) done(error);
}

}  // namespace

// Spawns the monitor. Requires the network and the ContainerRun.
Result<std::shared_ptr<ContainerProcess>> Supervisor::spawn_monitor(
    const Container& container, runtime::LaunchRequest request, const std::map<std::string, Fd>& sources) {
  const ContainerRun& run = *container.run;
  for (const auto& [destination, fd] : sources) request.mount_sources[destination] = fd.get();
  if (run.netns) request.netns_fd = run.netns.get();
  for (const runtime::OwnedNamedFd& held : run.held) request.held_fds.push_back({held.name, held.fd.get()});
  request.hold_before_start = !container.waiting_attaches.empty();
  TRY_ASSIGN(runtime::Monitor monitor, runtime::launch(request, parts_.monitor_program));
  auto process = std::make_shared<ContainerProcess>(context_.io);
  process->control.assign(monitor.control.release());
  process->monitor_pid = monitor.pid;
  process->monitor_pidfd = std::move(monitor.pidfd);
  return process;
}

// Spawns the monitor and waits until the command is running.
Task<Result<>> Supervisor::launch(ContainerPtr container) {
  std::shared_ptr<ContainerRun> run = container->run;
  Result<runtime::LaunchRequest> request = co_await requests_.launch(container);
  CO_TRY(request);
  auto open_sources = [mounts = container->mounts, &images = parts_.images] {
    return open_mount_sources(mounts, images);
  };
  Result<std::map<std::string, Fd>> sources = co_await offload(context_.pool, open_sources);
  CO_TRY(sources);
  if (container->phase != Phase::Starting) co_return start_canceled(*container);
  Result<std::shared_ptr<ContainerProcess>> spawned =
      spawn_monitor(*container, std::move(*request), *sources);
  CO_TRY(spawned);
  std::shared_ptr<ContainerProcess> process = *spawned;
  run->launching = process;
  std::optional<Error> failure;
  while (!failure) {
    runtime::Message message = co_await next_message(process);
    if (container->phase != Phase::Starting) {
      failure = start_canceled(*container);
    } else if (std::holds_alternative<runtime::Created>(message)) {
      // The monitor reads no output before it has these readers, however quickly the command exits.
      (void)runtime::send_start(process->control.native_handle(),
                                static_cast<uint32_t>(container->waiting_attaches.size()));
      for (auto& attach : std::exchange(container->waiting_attaches, {}))
        request_attach(*process, std::move(attach));
    } else if (auto* started = std::get_if<runtime::Started>(&message)) {
      for (const std::string& note : started->notes)
        log_debug("container " + container->spec.name + ": " + note);
      became_running(container, process, std::move(*started));
      stack::start(context_.io, supervise(container, run, process));
      co_return Result<>();
    } else if (auto* failed = std::get_if<runtime::Failed>(&message)) {
      failure = Error(kind_of(*failed), failed->text);
    } else if (std::holds_alternative<runtime::Closed>(message)) {
      failure = Error("the container's monitor exited before the container started");
    }
  }
  refuse_attaching(*process, *failure);
  end_launch(*run);
  co_await reap_monitor(process);
  run->launching.reset();
  // A killed launcher has not undone its work.
  auto kill_rest = [cgroups = parts_.cgroups, cgroup = facts_.cgroup_path(*container)] {
    return cgroups.exists(cgroup) ? cgroups.kill_all(cgroup) : Result<>();
  };
  Result<> rest = co_await offload(context_.pool, kill_rest);
  if (!rest) log_warning("container " + container->spec.name + ": " + rest.error().text());
  co_return *failure;
}

void Supervisor::became_running(ContainerPtr container, std::shared_ptr<ContainerProcess> process,
                                runtime::Started started) {
  process->pidfd = std::move(started.pidfd);
  process->stdio = std::move(started.stdio);
  ContainerRun& run = *container->run;
  run.process = process;
  run.launching.reset();
  run.by_policy = false;
  (void)container->take(LifeEvent::Launched);
  for (auto& attach : std::exchange(container->waiting_attaches, {}))
    request_attach(*process, std::move(attach));
  ContainerState& state = container->state;
  state.pid = started.pid;
  state.started_at = now_text();
  state.exit_code = 0;
  state.oom_killed = false;
  container->boot_id = context_.boot_id;
  (void)context_.save(*container);
  context_.publish(*container, "start");
  watch_log(*container);
  if (on_started) on_started(container);
  container->changed.notify_all();
}

void Supervisor::watch_log(const Container& container) {
  Result<LogPlan> plan = plan_log(container.spec.log);
  if (plan && plan->compress && plan->keeps_file)
    compressor_.watch(facts_.log_path(container), plan->max_file);
}

void Supervisor::resume(ContainerPtr container) {
  watch_log(*container);
  if (on_started) on_started(container);
  stack::start(context_.io, supervise(container, container->run, container->run->process));
}

Task<> Supervisor::reap_monitor(std::shared_ptr<ContainerProcess> process) {
  if (!process->monitor_pidfd) co_return;
  asio::posix::stream_descriptor ended(context_.io, process->monitor_pidfd.release());
  asio::error_code code;
  co_await ended.async_wait(asio::posix::stream_descriptor::wait_read,
                            asio::redirect_error(asio::use_awaitable, code));
  reap_child(process->monitor_pid);
}

namespace {

// Passes on answers to attach requests.
void pass_on_stream(ContainerProcess& process, runtime::Message& message) {
  if (auto* attached = std::get_if<runtime::Attached>(&message)) {
    ++process.attached;
    if (auto node = process.attaching.extract(attached->token)) node.mapped()(std::move(attached->stream));
  } else if (auto* refused = std::get_if<runtime::Refused>(&message)) {
    if (auto node = process.attaching.extract(refused->token)) node.mapped()(Error(refused->text));
  }
}

}  // namespace

// The command exited while no engine was running, and attached clients lost their connection. They have a few seconds to
// return for the rest of its output, which the monitor keeps until the exit is acknowledged.
Task<> Supervisor::serve_returning_readers(std::shared_ptr<ContainerProcess> process) {
  asio::steady_timer limit(context_.io, kReaderReturnLimit);
  limit.async_wait([process](asio::error_code code) {
    if (!code) process->control.cancel();
  });
  while (process->attached == 0) {
    runtime::Message message = co_await next_message(process);
    if (std::holds_alternative<runtime::Closed>(message)) co_return;
    pass_on_stream(*process, message);
  }
}

Task<> Supervisor::supervise(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                             std::shared_ptr<ContainerProcess> process) {
  if (process->ended) {
    if (process->readers_lost) co_await serve_returning_readers(process);
    co_await exited(container, run, process, *process->ended);
    co_return;
  }
  for (;;) {
    runtime::Message message = co_await next_message(process);
    if (auto* end = std::get_if<runtime::Exited>(&message)) {
      co_await exited(container, run, process, std::move(*end));
      co_return;
    }
    if (std::holds_alternative<runtime::Closed>(message)) {
      log_warning("container " + container->spec.name + ": its monitor is gone; starting another");
      bool over = co_await replace_monitor(container, run, process);
      if (over) co_return;
    } else if (std::holds_alternative<runtime::StdinClosed>(message)) {
      // Our copy of the pipe would prevent the container from seeing end of file.
      process->stdio.stdin_write.reset();
    } else if (std::holds_alternative<runtime::OomKilled>(message)) {
      container->state.oom_killed = true;
      context_.publish(*container, "oom");
    } else {
      pass_on_stream(*process, message);
    }
  }
}

// Starts a new monitor after the old one was killed. Returns true if the container has exited.
Task<bool> Supervisor::replace_monitor(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                                       std::shared_ptr<ContainerProcess> process) {
  co_await reap_monitor(process);
  refuse_attaching(*process, Error("the container's monitor was replaced"));
  runtime::AdoptRequest request = co_await requests_.adopt(container);
  request.pid = static_cast<pid_t>(container->state.pid);
  request.pidfd = process->pidfd.get();
  request.netns_fd = run->netns ? run->netns.get() : -1;
  request.stdio = &process->stdio;
  for (const runtime::OwnedNamedFd& held : run->held) request.held_fds.push_back({held.name, held.fd.get()});
  Result<runtime::Monitor> monitor = runtime::adopt(request, parts_.monitor_program);
  if (!monitor) {
    // Without a monitor, its exit would not be noticed.
    log_error("container " + container->spec.name + ": " + monitor.error().text() + "; stopping it");
    (void)signal_pidfd(process->pidfd.get(), SIGKILL);
    runtime::Exited end;
    end.exit_code = 137;
    end.status_known = false;
    end.finished_at = std::chrono::system_clock::now();
    co_await exited(container, run, process, end);
    co_return true;
  }
  asio::error_code code;
  process->control.close(code);
  process->control.assign(monitor->control.release());
  process->monitor_pid = monitor->pid;
  process->monitor_pidfd = std::move(monitor->pidfd);
  runtime::Message message = co_await next_message(process);
  auto* hello = std::get_if<runtime::Hello>(&message);
  if (hello != nullptr && hello->exited) {
    co_await exited(container, run, process, *hello->exited);
    co_return true;
  }
  co_return false;
}

void Supervisor::note_end(Container& container, const runtime::Exited& end) {
  ContainerState& state = container.state;
  container.health.reset();
  state.exit_code = end.exit_code;
  state.oom_killed = state.oom_killed || end.oom_killed;
  state.finished_at = rfc3339(end.finished_at);
  state.pid = 0;
  if (!end.status_known) state.error = "the exit status was lost with the container's monitor";
  if (end.log_bytes_dropped > 0)
    log_warning("container " + container.spec.name + ": " + std::to_string(end.log_bytes_dropped) +
                " bytes of its output were not logged");
}

Task<> Supervisor::exited(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                          std::shared_ptr<ContainerProcess> process, runtime::Exited end) {
  bool was_paused = container->phase == Phase::Paused;
  bool policy_decides = container->phase == Phase::Running || was_paused;
  note_end(*container, end);
  ContainerExit exit{end.exit_code, std::chrono::steady_clock::now() - process->started,
                     container->state.stopped_by_user};
  RestartDecision decision = decide_restart(container->spec.restart, exit, run->restarts);
  bool again = policy_decides && decision.restart;
  run->process.reset();
  (void)container->take(again ? LifeEvent::ExitedForNow : LifeEvent::Exited);
  Result<> saved = context_.save(*container);
  // The monitor may forget only a stored exit; otherwise it reports the exit to the next engine.
  if (saved) (void)runtime::send_acknowledge_exit(process->control.native_handle());
  refuse_attaching(*process, Error("the container has exited"));
  stack::start(context_.io, reap_monitor(process));
  if (was_paused) (void)parts_.cgroups.thaw(facts_.cgroup_path(*container));
  context_.publish(*container, "die", {{"exitCode", std::to_string(end.exit_code)}});
  if (!again) {
    co_await finish(container, true);
    co_return;
  }
  run->restarts = decision.history;
  container->ends = {container->ends.count + 1, end.exit_code};
  container->changed.notify_all();
  co_await restart_by_policy(container, run, decision.delay);
}

Task<> Supervisor::restart_by_policy(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                                     std::chrono::milliseconds delay) {
  auto deadline = std::chrono::steady_clock::now() + delay;
  bool waiting = true;
  while (waiting && container->phase == Phase::Backoff)
    waiting = co_await container->changed.wait_until(deadline);
  if (container->phase != Phase::Backoff) {
    co_await finish(container, false);
    co_return;
  }
  (void)container->take(LifeEvent::BackoffOver);
  run->by_policy = true;
  ++container->state.restart_count;
  Result<> launched = co_await launch(container);
  if (!launched) co_await fail_start(container, launched.error());
}

// Moves to Stopped: no process and no network remain. `ended`: the command ran and its exit has not been reported.
Task<> Supervisor::finish(ContainerPtr container, bool ended) {
  co_await parts_.networks.disconnect(container);
  co_await volumes_.detach(container);
  std::string cgroup = facts_.cgroup_path(*container);
  auto clear = [cgroups = parts_.cgroups, cgroup] { return cgroups.remove(cgroup); };
  Result<> removed = co_await offload(context_.pool, clear);
  if (!removed) log_warning("container " + container->spec.name + ": " + removed.error().text());
  container->run.reset();
  (void)container->take(LifeEvent::Cleared);
  if (ended) container->ends = {container->ends.count + 1, container->state.exit_code};
  (void)context_.save(*container);
  remove_unused_cgroup_parent(context_, parts_.cgroups);
  container->changed.notify_all();
  bool goes = container->spec.auto_remove && container->phase == Phase::Stopped &&
              container->status() == ContainerStatus::Exited;
  if (goes && on_removable) on_removable(container);
}

namespace {

bool has_ended(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

void signal_monitor(const ContainerProcess& process, int signal) {
  if (process.monitor_pidfd) {
    (void)signal_pidfd(process.monitor_pidfd.get(), signal);
  } else if (process.monitor_pid > 0) {
    (void)::kill(process.monitor_pid, signal);
  }
}

}  // namespace

// A process that has not yet installed its handler misses the signal, so the signal is
// sent again once a handler is installed. Returns false at the deadline.
Task<bool> Supervisor::signal_until_ended(ContainerPtr container, int signal, Deadline deadline, bool thaw) {
  std::shared_ptr<ContainerRun> run = container->run;
  if (!run->process) co_return co_await await_end(container, run, deadline);
  auto notices = [&] { return notices_signal(static_cast<pid_t>(container->state.pid), signal); };
  bool missed = !notices();
  (void)signal_pidfd(run->process->pidfd.get(), signal);
  context_.publish(*container, "kill", {{"signal", std::to_string(signal)}});
  if (thaw) (void)parts_.cgroups.thaw(facts_.cgroup_path(*container));
  while (missed && container->run == run && run->process && Clock::now() < deadline) {
    (void)co_await container->changed.wait_until(std::min(deadline, Clock::now() + kPollInterval));
    if (container->run != run || !run->process) break;
    missed = !notices();
    if (!missed) (void)signal_pidfd(run->process->pidfd.get(), signal);
  }
  if (missed && container->run == run)
    log_info("container " + container->spec.name +
             ": its first process has no handler for the stop signal, " +
             "so the kernel does not deliver it; start the command with exec, or set init: true");
  co_return co_await await_end(container, run, deadline);
}

Task<bool> Supervisor::kill_until_ended(ContainerPtr container, std::shared_ptr<ContainerRun> run) {
  if (run->process) {
    (void)signal_pidfd(run->process->pidfd.get(), SIGKILL);
    context_.publish(*container, "kill", {{"signal", std::to_string(SIGKILL)}});
  }
  auto kill_rest = [cgroups = parts_.cgroups, cgroup = facts_.cgroup_path(*container)] {
    return cgroups.kill_all(cgroup);
  };
  Result<> rest = co_await offload(context_.pool, kill_rest);
  if (!rest) log_warning("container " + container->spec.name + ": " + rest.error().text());
  co_return co_await await_end(container, run, Clock::now() + kKillLimit);
}

Task<bool> Supervisor::await_end(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                                 std::chrono::steady_clock::time_point deadline) {
  int overdue = 0;
  while (container->run == run) {
    auto now = std::chrono::steady_clock::now();
    if (now >= deadline) co_return false;
    bool notified = co_await container->changed.wait_until(std::min(deadline, now + kReportLimit));
    bool late = !notified && run->process && has_ended(run->process->pidfd.get());
    if (!late) continue;
    ++overdue;
    signal_monitor(*run->process, overdue == 1 ? SIGCONT : SIGKILL);
  }
  co_return true;
}

}  // namespace stack::engine
