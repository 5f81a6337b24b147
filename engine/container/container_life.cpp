// ContainerService: from start to exit.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "engine/container/container_run.h"
#include "engine/container/container_service.h"
#include "engine/container/mount_sources.h"

namespace stack::engine {

Result<int> parse_signal(const std::string& text) {
  std::string name = text;
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos && name.size() <= 2) {
    int number = std::stoi(name);
    if (number > 0 && number <= SIGRTMAX) return number;
  }
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int number = 1; number < NSIG; ++number) {
    const char* abbreviation = sigabbrev_np(number);
    if (abbreviation != nullptr && name == abbreviation) return number;
  }
  if (name.starts_with("RTMIN+") && name.size() <= 8 &&
      name.find_first_not_of("0123456789", 6) == std::string::npos && name.size() > 6) {
    int number = SIGRTMIN + std::stoi(name.substr(6));
    if (number <= SIGRTMAX) return number;
  }
  return invalid("invalid signal: " + text);
}

namespace {

// How often a process that missed its stop signal is looked at.
constexpr auto kPollInterval = std::chrono::milliseconds(30);

std::string now_text() { return rfc3339(std::chrono::system_clock::now()); }

// The next message of the monitor; Closed when it is gone.
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

Task<Result<bool>> ContainerService::start(ContainerPtr container) {
  Result<bool> started = co_await start_once(container);
  // `--rm` of what never ran: nobody else would remove it.
  if (!started && container->spec.auto_remove && container->state.status == Status::Created &&
      !container->removing) {
    Result<> removed = co_await remove(container, true, true);
    if (!removed) log_warning(removed.error().text());
  }
  co_return started;
}

Task<Result<bool>> ContainerService::start_once(ContainerPtr container) {
  auto lock = co_await container->mutex.lock();
  // A stop by signal from outside may still be clearing away.
  while (container->run && !container->alive()) co_await container->changed.wait();
  if (container->removing || container->state.status == Status::Creating)
    co_return conflict("container " + container->spec.name + " is marked for removal and cannot be started");
  if (container->state.status == Status::Paused)
    co_return conflict("cannot start a paused container, try unpause instead");
  if (container->running()) co_return false;
  if (container->state.status == Status::Restarting) co_return false;
  container->state.manually_stopped = false;
  container->state.restart_count = 0;
  Result<> started = co_await start_locked(container);
  CO_TRY(started);
  co_return true;
}

Task<Result<>> ContainerService::start_locked(ContainerPtr container) {
  container->run = std::make_shared<ContainerRun>(context_.io);
  container->state.error.clear();
  Result<> up = co_await parts_.networks.connect(container);
  if (up) {
    (void)context_.save(*container);
    up = co_await launch(container);
  }
  if (!up) {
    container->state.error = up.error().text();
    container->state.exit_code = up.error().kind() == ErrorKind::NoCommand       ? 127
                                 : up.error().kind() == ErrorKind::NotExecutable ? 126
                                                                                 : 128;
    co_await finish(container, container->run);
  }
  co_return up;
}

// Spawns the monitor and waits until the command runs. Network and ContainerRun must stand.
Task<Result<>> ContainerService::launch(ContainerPtr container) {
  std::shared_ptr<ContainerRun> run = container->run;
  Result<runtime::LaunchRequest> request = launch_request(*container);
  CO_TRY(request);
  Result<std::map<std::string, Fd>> sources = open_mount_sources(*container, parts_.images);
  CO_TRY(sources);
  for (const auto& [destination, fd] : *sources) request->mount_sources[destination] = fd.get();
  if (run->netns) request->netns_fd = run->netns.get();
  for (const runtime::OwnedNamedFd& held : run->held) request->held_fds.push_back({held.name, held.fd.get()});
  std::vector<Container::EarlyAttach> early = std::exchange(container->early_attaches, {});
  request->hold_before_start = !early.empty();
  Result<runtime::Monitor> monitor = runtime::launch(*request, parts_.monitor_program);
  sources->clear();
  CO_TRY(monitor);
  auto process = std::make_shared<ContainerProcess>(context_.io);
  process->control.assign(monitor->control.release());
  process->monitor_pid = monitor->pid;
  process->monitor_pidfd = std::move(monitor->pidfd);
  for (;;) {
    runtime::Message message = co_await next_message(process);
    if (std::holds_alternative<runtime::Created>(message)) {
      (void)runtime::send_start(process->control.native_handle());
      for (Container::EarlyAttach& attach : early) {
        uint32_t token = process->next_token++;
        process->attaching[token] = std::move(attach.done);
        (void)runtime::request_attach(process->control.native_handle(), token, attach.options);
      }
    } else if (auto* begun = std::get_if<runtime::Started>(&message)) {
      for (const std::string& note : begun->notes)
        log_debug("container " + container->spec.name + ": " + note);
      became_running(container, process, std::move(*begun));
      stack::start(context_.io, supervise(container, run, process));
      co_return Result<>();
    }
    std::optional<Error> failure;
    if (auto* failed = std::get_if<runtime::Failed>(&message)) {
      ErrorKind kind = failed->exit_code == 127   ? ErrorKind::NoCommand
                       : failed->exit_code == 126 ? ErrorKind::NotExecutable
                                                  : ErrorKind::Internal;
      failure = Error(kind, failed->text);
    } else if (std::holds_alternative<runtime::Closed>(message)) {
      failure = Error("the container's monitor ended before the container was started");
    }
    if (failure) {
      for (auto& [token, done] : std::exchange(process->attaching, {})) done(*failure);
      co_await reap_monitor(process);
      co_return *failure;
    }
  }
}

void ContainerService::became_running(ContainerPtr container, std::shared_ptr<ContainerProcess> process,
                                      runtime::Started started) {
  process->pidfd = std::move(started.pidfd);
  process->stdio = std::move(started.stdio);
  container->run->process = process;
  ContainerState& state = container->state;
  state.status = Status::Running;
  state.pid = started.pid;
  state.started_at = now_text();
  state.finished_at = kZeroTime;
  state.exit_code = 0;
  state.oom_killed = false;
  container->boot_id = context_.boot_id;
  (void)context_.save(*container);
  context_.publish(*container, "start");
  watch_log(*container);
  if (on_started) on_started(container);
  container->changed.notify_all();
}

Task<> ContainerService::reap_monitor(std::shared_ptr<ContainerProcess> process) {
  if (!process->monitor_pidfd) co_return;
  asio::posix::stream_descriptor ended(context_.io, process->monitor_pidfd.release());
  asio::error_code code;
  co_await ended.async_wait(asio::posix::stream_descriptor::wait_read,
                            asio::redirect_error(asio::use_awaitable, code));
  (void)::waitpid(process->monitor_pid, nullptr, WNOHANG);
}

Task<> ContainerService::supervise(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                                   std::shared_ptr<ContainerProcess> process) {
  if (process->ended) {
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
      log_warning("container " + container->spec.name + ": its monitor is gone; making another");
      bool over = co_await replace_monitor(container, run, process);
      if (over) co_return;
    } else if (auto* attached = std::get_if<runtime::Attached>(&message)) {
      if (auto node = process->attaching.extract(attached->token)) node.mapped()(std::move(attached->stream));
    } else if (auto* refused = std::get_if<runtime::Refused>(&message)) {
      if (auto node = process->attaching.extract(refused->token)) node.mapped()(Error(refused->text));
    } else if (std::holds_alternative<runtime::StdinClosed>(message)) {
      // Our copy of the pipe's end would keep the container from seeing it.
      process->stdio.stdin_write.reset();
    } else if (std::holds_alternative<runtime::OomKilled>(message)) {
      container->state.oom_killed = true;
      context_.publish(*container, "oom");
    }
  }
}

// Gives the container a new monitor after its own was killed. true: the container is over, nothing is left to
// supervise.
Task<bool> ContainerService::replace_monitor(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                                             std::shared_ptr<ContainerProcess> process) {
  co_await reap_monitor(process);
  for (auto& [token, done] : std::exchange(process->attaching, {}))
    done(Error("the container's monitor was replaced"));
  runtime::AdoptRequest request;
  request.container_id = container->id;
  request.state_dir = context_.paths.container(container->id);
  request.run_dir = context_.paths.container_run(container->id);
  request.pid = static_cast<pid_t>(container->state.pid);
  request.pidfd = process->pidfd.get();
  request.netns_fd = run->netns ? run->netns.get() : -1;
  request.cgroup_path = cgroup_path(*container);
  Result<runtime::LogSettings> log = log_of(*container);
  if (log) {
    request.log = *log;
  } else {
    // Better unlogged than dead.
    request.log.driver = runtime::LogDriver::None;
    log_error("container " + container->spec.name + ": " + log.error().text());
  }
  request.engine = engine_restart();
  request.tty = container->spec.tty;
  request.stdin_once = container->spec.stdin_once;
  request.stdio = &process->stdio;
  for (const runtime::OwnedNamedFd& held : run->held) request.held_fds.push_back({held.name, held.fd.get()});
  Result<runtime::Monitor> monitor = runtime::adopt(request, parts_.monitor_program);
  if (!monitor) {
    // Without a monitor nobody would tell of the end: better a known end now.
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

Task<> ContainerService::exited(ContainerPtr container, std::shared_ptr<ContainerRun> run,
                                std::shared_ptr<ContainerProcess> process, runtime::Exited end) {
  ContainerState& state = container->state;
  bool was_paused = state.status == Status::Paused;
  run->process.reset();
  container->health.reset();
  state.exit_code = end.exit_code;
  state.oom_killed = state.oom_killed || end.oom_killed;
  state.finished_at = rfc3339(end.finished_at);
  state.pid = 0;
  if (end.log_bytes_dropped > 0)
    log_warning("container " + container->spec.name + ": " + std::to_string(end.log_bytes_dropped) +
                " bytes of its output were not logged");
  if (!end.status_known) state.error = "the exit status was lost with the container's monitor";
  ContainerExit exit{end.exit_code, std::chrono::steady_clock::now() - process->started,
                     run->restart_cancelled};
  RestartDecision decision = decide_restart(container->spec.restart, exit, run->restarts);
  bool again = decision.restart && !run->restart_cancelled && !container->removing;
  state.status = again ? Status::Restarting : Status::Exited;
  Result<> saved = context_.save(*container);
  // Only what is stored may be forgotten by the monitor; else it tells the next engine.
  if (saved) (void)runtime::send_acknowledge_exit(process->control.native_handle());
  for (auto& [token, done] : std::exchange(process->attaching, {})) done(Error("the container has exited"));
  stack::start(context_.io, reap_monitor(process));
  if (was_paused) (void)parts_.cgroups.thaw(cgroup_path(*container));
  context_.publish(*container, "die", {{"exitCode", std::to_string(end.exit_code)}});
  if (on_exited) on_exited(container);
  if (!again) {
    co_await finish(container, run);
    co_return;
  }
  run->restarts = decision.history;
  container->changed.notify_all();
  co_await run->stop_waiting.wait_until(std::chrono::steady_clock::now() + decision.delay);
  if (run->restart_cancelled || container->removing) {
    state.status = Status::Exited;
    co_await finish(container, run);
    co_return;
  }
  ++state.restart_count;
  Result<> launched = co_await launch(container);
  if (!launched) {
    state.error = launched.error().text();
    state.status = Status::Exited;
    co_await finish(container, run);
  } else if (run->restart_cancelled && run->process) {
    // A stop that came while the command was being started found nothing to signal.
    (void)signal_pidfd(run->process->pidfd.get(), SIGKILL);
  }
}

// The group above the containers goes with the last of them. Whatever is being launched has a ContainerRun, or counts
// as a build step, before its group is made; so nothing can be in the way here.
void ContainerService::remove_cgroup_parent() {
  bool used = !context_.build_steps.empty() ||
              std::any_of(context_.containers.begin(), context_.containers.end(),
                          [](const auto& entry) { return entry.second->run != nullptr; });
  if (used) return;
  for (const runtime::Cgroups::Hierarchy& hierarchy : parts_.cgroups.hierarchies())
    (void)::rmdir((hierarchy.mount_point + hierarchy.root + context_.paths.cgroup_parent()).c_str());
}

// The end of a life: no process and no network afterwards.
Task<> ContainerService::finish(ContainerPtr container, std::shared_ptr<ContainerRun> run) {
  co_await parts_.networks.disconnect(container);
  std::string cgroup = cgroup_path(*container);
  auto clear = [cgroups = parts_.cgroups, cgroup] { return cgroups.remove(cgroup); };
  Result<> removed = co_await offload(context_.pool, clear);
  if (!removed) log_warning("container " + container->spec.name + ": " + removed.error().text());
  ContainerState& state = container->state;
  if (state.status != Status::Creating)
    state.status = state.started_at == kZeroTime ? Status::Created : Status::Exited;
  if (container->run == run) container->run.reset();
  (void)context_.save(*container);
  remove_cgroup_parent();
  container->changed.notify_all();
  if (container->spec.auto_remove && !container->removing && state.status == Status::Exited) {
    Result<> gone = co_await remove(container, true, true);
    if (!gone) log_warning(gone.error().text());
  }
}

Task<Result<bool>> ContainerService::stop(ContainerPtr container, std::optional<std::chrono::seconds> timeout,
                                          std::string signal) {
  auto lock = co_await container->mutex.lock();
  std::shared_ptr<ContainerRun> run = container->run;
  if (!run) co_return false;
  if (signal.empty()) signal = container->spec.stop_signal;
  if (signal.empty()) {
    Result<ImageDefaults> image = image_defaults(*container);
    if (image) signal = image->stop_signal;
  }
  Result<int> number = parse_signal(signal.empty() ? "SIGTERM" : signal);
  CO_TRY(number);
  container->state.manually_stopped = !context_.host_stops;
  run->restart_cancelled = true;
  // Kept first: an engine that dies now must not let the policy start the container again.
  (void)context_.save(*container);
  run->stop_waiting.notify_all();
  // A process that has not yet come to install its handler misses the signal, and would be waited for in
  // vain.
  auto next_look = asio::steady_timer::time_point::max();
  if (run->process) {
    if (!notices_signal(static_cast<pid_t>(container->state.pid), *number))
      next_look = std::chrono::steady_clock::now() + kPollInterval;
    (void)signal_pidfd(run->process->pidfd.get(), *number);
    context_.publish(*container, "kill", {{"signal", std::to_string(*number)}});
    if (container->state.status == Status::Paused) {
      (void)parts_.cgroups.thaw(cgroup_path(*container));
      container->state.status = Status::Running;
    }
  }
  std::chrono::seconds patience =
      timeout.value_or(container->spec.stop_timeout.value_or(std::chrono::seconds(10)));
  auto deadline = patience.count() < 0 ? asio::steady_timer::time_point::max()
                                       : std::chrono::steady_clock::now() + patience;
  bool killed = false;
  while (container->run == run) {
    bool notified = co_await container->changed.wait_until(std::min(deadline, next_look));
    if (notified || container->run != run) continue;
    auto now = std::chrono::steady_clock::now();
    if (now < deadline) {
      bool missed = run->process && !killed;
      if (missed && !notices_signal(static_cast<pid_t>(container->state.pid), *number)) {
        next_look = now + kPollInterval;
        continue;
      }
      next_look = asio::steady_timer::time_point::max();
      if (missed) (void)signal_pidfd(run->process->pidfd.get(), *number);
      continue;
    }
    if (killed) co_return Error("container " + container->spec.name + " did not end after SIGKILL");
    killed = true;
    next_look = asio::steady_timer::time_point::max();
    deadline = std::chrono::steady_clock::now() + std::chrono::seconds(12);
    if (run->process) {
      (void)signal_pidfd(run->process->pidfd.get(), SIGKILL);
      context_.publish(*container, "kill", {{"signal", std::to_string(SIGKILL)}});
    }
    std::string cgroup = cgroup_path(*container);
    auto kill_rest = [cgroups = parts_.cgroups, cgroup] { return cgroups.kill_all(cgroup); };
    Result<> rest = co_await offload(context_.pool, kill_rest);
    if (!rest) log_warning("container " + container->spec.name + ": " + rest.error().text());
  }
  context_.publish(*container, "stop");
  co_return true;
}

Task<Result<>> ContainerService::restart(ContainerPtr container,
                                         std::optional<std::chrono::seconds> timeout) {
  Result<bool> stopped = co_await stop(container, timeout);
  CO_TRY(stopped);
  Result<bool> started = co_await start(container);
  CO_TRY(started);
  context_.publish(*container, "restart");
  co_return Result<>();
}

Task<Result<>> ContainerService::kill(ContainerPtr container, std::string signal) {
  Result<int> number = parse_signal(signal.empty() ? "KILL" : signal);
  CO_TRY(number);
  std::shared_ptr<ContainerRun> run = container->run;
  if (!run || !container->alive())
    co_return conflict("cannot kill container: " + container->spec.name + ": container " + container->id +
                       " is not running");
  std::string own = container->spec.stop_signal;
  Result<int> own_number = parse_signal(own.empty() ? signal : own);
  if (*number == SIGKILL || own.empty() || (own_number && *own_number == *number)) {
    run->restart_cancelled = true;
    container->state.manually_stopped = true;
    (void)context_.save(*container);
    run->stop_waiting.notify_all();
  }
  if (run->process) {
    Result<> sent = signal_pidfd(run->process->pidfd.get(), *number);
    CO_TRY(sent);
    // The signal is delivered once the processes may run again.
    if (container->state.status == Status::Paused) {
      (void)parts_.cgroups.thaw(cgroup_path(*container));
      container->state.status = Status::Running;
      (void)context_.save(*container);
      context_.publish(*container, "unpause");
      container->changed.notify_all();
    }
  }
  context_.publish(*container, "kill", {{"signal", std::to_string(*number)}});
  if (*number == SIGKILL)
    while (container->run == run) co_await container->changed.wait();
  co_return Result<>();
}

Task<Result<>> ContainerService::pause(ContainerPtr container) {
  auto lock = co_await container->mutex.lock();
  if (container->state.status == Status::Paused)
    co_return conflict("Container " + container->id + " is already paused");
  if (container->state.status == Status::Restarting)
    co_return conflict("Container " + container->id + " is restarting, wait until the container is running");
  if (container->state.status != Status::Running)
    co_return conflict("Container " + container->id + " is not running");
  std::string cgroup = cgroup_path(*container);
  auto freeze = [cgroups = parts_.cgroups, cgroup] { return cgroups.freeze(cgroup); };
  Result<> frozen = co_await offload(context_.pool, freeze);
  CO_TRY(frozen);
  if (container->state.status == Status::Running) {
    container->state.status = Status::Paused;
    ++container->run->pauses;
  }
  (void)context_.save(*container);
  context_.publish(*container, "pause");
  container->changed.notify_all();
  co_return Result<>();
}

Task<Result<>> ContainerService::unpause(ContainerPtr container) {
  auto lock = co_await container->mutex.lock();
  if (container->state.status != Status::Paused)
    co_return conflict("Container " + container->id + " is not paused");
  Result<> thawed = parts_.cgroups.thaw(cgroup_path(*container));
  CO_TRY(thawed);
  container->state.status = Status::Running;
  (void)context_.save(*container);
  context_.publish(*container, "unpause");
  container->changed.notify_all();
  co_return Result<>();
}

Task<Result<int>> ContainerService::wait(ContainerPtr container, Condition condition) {
  auto over = [&, runs = container->state.started_at] {
    if (condition == Condition::Removed) return container->state.status == Status::Dead;
    if (container->state.status == Status::Dead) return true;
    if (condition == Condition::NotRunning) return container->run == nullptr;
    // NextExit: a run that began after this call, or the present one, has ended.
    return container->run == nullptr && container->state.finished_at != kZeroTime &&
           container->state.started_at != runs;
  };
  std::shared_ptr<ContainerRun> present = container->run;
  while (!over()) {
    co_await container->changed.wait();
    if (condition == Condition::NextExit && present && container->run != present) break;
  }
  co_return container->state.exit_code;
}

Task<Result<Fd>> ContainerService::attach(ContainerPtr container, runtime::AttachOptions options) {
  struct Answer {
    std::optional<Result<Fd>> value;
    Signal arrived;
    explicit Answer(asio::io_context& io) : arrived(io) {}
  };
  auto answer = std::make_shared<Answer>(context_.io);
  auto done = [answer](Result<Fd> result) {
    answer->value = std::move(result);
    answer->arrived.notify_all();
  };
  std::shared_ptr<ContainerProcess> process = container->run ? container->run->process : nullptr;
  if (!process) {
    container->early_attaches.push_back({options, done});
    while (!answer->value && container->state.status != Status::Dead) {
      bool notified =
          co_await answer->arrived.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(1));
      (void)notified;
    }
    if (!answer->value) co_return not_found("container " + container->spec.name + " was removed");
    co_return std::move(*answer->value);
  }
  uint32_t token = process->next_token++;
  process->attaching[token] = done;
  Result<> asked = runtime::request_attach(process->control.native_handle(), token, options);
  if (!asked) {
    process->attaching.erase(token);
    co_return std::move(asked).error();
  }
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!answer->value) {
    bool notified = co_await answer->arrived.wait_until(deadline);
    if (!notified && !answer->value) {
      process->attaching.erase(token);
      co_return Error(ErrorKind::Timeout, "attach: the container's monitor does not answer");
    }
  }
  co_return std::move(*answer->value);
}

Result<> ContainerService::resize(ContainerPtr container, uint16_t rows, uint16_t columns) {
  std::shared_ptr<ContainerProcess> process = container->run ? container->run->process : nullptr;
  if (!process) return conflict("container " + container->spec.name + " is not running");
  return runtime::send_resize(process->control.native_handle(), rows, columns);
}

}  // namespace stack::engine
