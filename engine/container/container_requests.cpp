// ContainerService: requests of clients for an existing container. The life table (life.h) decides what is possible.
#include <signal.h>

#include <algorithm>

#include "base/log.h"
#include "base/process.h"
#include "engine/container/container_run.h"
#include "engine/container/container_service.h"
#include "engine/container/refusal.h"

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

using Clock = std::chrono::steady_clock;

// Poll interval for a process that missed its stop signal.
constexpr auto kPollInterval = std::chrono::milliseconds(30);
// Maximum time for a process to end after SIGKILL.
constexpr auto kKillLimit = std::chrono::seconds(12);

// Waits while the table says so; returns Verdict::Wait if the command was preempted.
Task<Verdict> when_possible(ContainerPtr container, LifeEvent request, const CommandQueue::Turn* turn) {
  for (;;) {
    Verdict verdict = next(container->phase, request).verdict;
    bool over = verdict != Verdict::Wait || (turn != nullptr && turn->pre_empted());
    if (over) co_return verdict;
    co_await container->changed.wait();
  }
}

}  // namespace

Task<Result<bool>> ContainerService::start(ContainerPtr container) {
  Result<bool> started = co_await start_in_turn(container);
  // Nothing else would remove a container with `--rm` that never ran.
  if (!started && container->spec.auto_remove && container->phase == Phase::Stopped &&
      container->status() == ContainerStatus::Created) {
    Result<> removed = co_await remove(container, true, true);
    if (!removed) log_warning(removed.error().text());
  }
  co_return started;
}

Task<Result<bool>> ContainerService::start_in_turn(ContainerPtr container) {
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Start);
  if (!turn) co_return start_canceled(*container);
  Verdict verdict = co_await when_possible(container, LifeEvent::Start, &*turn);
  if (verdict == Verdict::Already) co_return false;
  if (verdict == Verdict::Wait) co_return start_canceled(*container);
  if (verdict != Verdict::Go) co_return refusal(*container, LifeEvent::Start);
  Result<> started = co_await begin_run(container);
  CO_TRY(started);
  co_return true;
}

// The stop signal: the container's, its image's, or SIGTERM.
Result<int> ContainerService::stop_signal(const Container& container) const {
  std::string signal = container.spec.stop_signal;
  if (signal.empty()) {
    Result<ImageDefaults> image = image_defaults(container);
    if (image) signal = image->stop_signal;
  }
  return parse_signal(signal.empty() ? "SIGTERM" : signal);
}

Task<Result<bool>> ContainerService::stop(ContainerPtr container, std::optional<std::chrono::seconds> timeout,
                                          std::string signal) {
  Result<int> number = signal.empty() ? stop_signal(*container) : parse_signal(signal);
  CO_TRY(number);
  container->commands.preempt();
  co_return co_await stop_now(container, *number, timeout);
}

Task<Result<bool>> ContainerService::stop_now(ContainerPtr container, int signal,
                                              std::optional<std::chrono::seconds> timeout) {
  Verdict verdict = co_await when_possible(container, LifeEvent::Stop, nullptr);
  if (verdict != Verdict::Go) co_return false;
  bool was_paused = container->phase == Phase::Paused;
  std::shared_ptr<ContainerRun> run = container->run;
  (void)container->take(LifeEvent::Stop);
  container->state.stopped_by_user = !context_.host_stops;
  // Saved first, so that the restart policy does not restart the container if the engine dies now.
  (void)context_.save(*container);
  end_launch(*run);
  container->changed.notify_all();
  std::chrono::seconds patience =
      timeout.value_or(container->spec.stop_timeout.value_or(std::chrono::seconds(10)));
  auto deadline = patience.count() < 0 ? Clock::time_point::max() : Clock::now() + patience;
  bool ended = co_await signal_until_ended(container, signal, deadline, was_paused);
  if (!ended) ended = co_await kill_until_ended(container, run);
  if (!ended) co_return Error("container " + container->spec.name + " did not end after SIGKILL");
  context_.publish(*container, "stop");
  co_return true;
}

// Sends the stop signal and waits. A process that has not yet installed its handler misses the signal, so the signal is
// sent again once a handler is installed. Returns false at the deadline.
Task<bool> ContainerService::signal_until_ended(ContainerPtr container, int signal,
                                                Clock::time_point deadline, bool thaw) {
  std::shared_ptr<ContainerRun> run = container->run;
  if (!run->process) co_return co_await await_end(container, run, deadline);
  auto notices = [&] { return notices_signal(static_cast<pid_t>(container->state.pid), signal); };
  bool missed = !notices();
  (void)signal_pidfd(run->process->pidfd.get(), signal);
  context_.publish(*container, "kill", {{"signal", std::to_string(signal)}});
  if (thaw) (void)parts_.cgroups.thaw(cgroup_path(*container));
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

Task<bool> ContainerService::kill_until_ended(ContainerPtr container, std::shared_ptr<ContainerRun> run) {
  if (run->process) {
    (void)signal_pidfd(run->process->pidfd.get(), SIGKILL);
    context_.publish(*container, "kill", {{"signal", std::to_string(SIGKILL)}});
  }
  auto kill_rest = [cgroups = parts_.cgroups, cgroup = cgroup_path(*container)] {
    return cgroups.kill_all(cgroup);
  };
  Result<> rest = co_await offload(context_.pool, kill_rest);
  if (!rest) log_warning("container " + container->spec.name + ": " + rest.error().text());
  co_return co_await await_end(container, run, Clock::now() + kKillLimit);
}

Task<Result<>> ContainerService::restart(ContainerPtr container,
                                         std::optional<std::chrono::seconds> timeout) {
  Result<int> signal = stop_signal(*container);
  CO_TRY(signal);
  {
    Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Start);
    if (!turn) co_return start_canceled(*container);
    Verdict verdict = co_await when_possible(container, LifeEvent::Restart, &*turn);
    if (verdict == Verdict::Wait) co_return start_canceled(*container);
    if (verdict != Verdict::Go) co_return refusal(*container, LifeEvent::Restart);
    Result<bool> stopped = co_await stop_now(container, *signal, timeout);
    CO_TRY(stopped);
    if (turn->pre_empted()) co_return start_canceled(*container);
    // Another stop may have handled the exit first, including a removal by --rm.
    verdict = co_await when_possible(container, LifeEvent::Start, &*turn);
    if (verdict != Verdict::Go) co_return refusal(*container, LifeEvent::Restart);
    Result<> started = co_await begin_run(container);
    CO_TRY(started);
  }
  context_.publish(*container, "restart");
  co_return Result<>();
}

Task<Result<>> ContainerService::kill(ContainerPtr container, std::string signal) {
  Result<int> number = parse_signal(signal.empty() ? "KILL" : signal);
  CO_TRY(number);
  Result<int> own = stop_signal(*container);
  LifeEvent request = *number == SIGKILL       ? LifeEvent::Kill
                      : own && *own == *number ? LifeEvent::StopSignal
                                               : LifeEvent::Signal;
  bool was_paused = container->phase == Phase::Paused;
  bool nothing_to_signal = container->phase == Phase::Stopping && !container->has_process();
  if (nothing_to_signal || container->take(request) != Verdict::Go) co_return refusal(*container, request);
  std::shared_ptr<ContainerRun> run = container->run;
  if (request != LifeEvent::Signal) {
    container->commands.preempt();
    container->state.stopped_by_user = true;
    (void)context_.save(*container);
    if (container->phase == Phase::Stopping) end_launch(*run);
  }
  if (run->process) {
    Result<> sent = signal_pidfd(run->process->pidfd.get(), *number);
    CO_TRY(sent);
    // The signal is delivered when the processes resume.
    if (was_paused && container->phase != Phase::Paused) {
      (void)parts_.cgroups.thaw(cgroup_path(*container));
      context_.publish(*container, "unpause");
    }
  }
  container->changed.notify_all();
  context_.publish(*container, "kill", {{"signal", std::to_string(*number)}});
  if (*number == SIGKILL) (void)co_await await_end(container, run, Clock::time_point::max());
  co_return Result<>();
}

Task<Result<>> ContainerService::pause(ContainerPtr container) {
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Steady);
  CO_TRY(turn);
  Verdict verdict = co_await when_possible(container, LifeEvent::Pause, &*turn);
  if (verdict != Verdict::Go) co_return refusal(*container, LifeEvent::Pause);
  std::string cgroup = cgroup_path(*container);
  auto freeze = [cgroups = parts_.cgroups, cgroup] { return cgroups.freeze(cgroup); };
  Result<> frozen = co_await offload(context_.pool, freeze);
  CO_TRY(frozen);
  // It may have exited, or received a stop request, before it froze.
  if (container->take(LifeEvent::Pause) != Verdict::Go) {
    (void)parts_.cgroups.thaw(cgroup);
    co_return refusal(*container, LifeEvent::Pause);
  }
  ++container->run->pauses;
  (void)context_.save(*container);
  context_.publish(*container, "pause");
  container->changed.notify_all();
  co_return Result<>();
}

Task<Result<>> ContainerService::unpause(ContainerPtr container) {
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Steady);
  CO_TRY(turn);
  if (next(container->phase, LifeEvent::Unpause).verdict != Verdict::Go)
    co_return refusal(*container, LifeEvent::Unpause);
  Result<> thawed = parts_.cgroups.thaw(cgroup_path(*container));
  CO_TRY(thawed);
  (void)container->take(LifeEvent::Unpause);
  (void)context_.save(*container);
  context_.publish(*container, "unpause");
  container->changed.notify_all();
  co_return Result<>();
}

}  // namespace stack::engine
