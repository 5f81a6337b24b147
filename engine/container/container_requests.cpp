// ContainerService: requests for an existing container.
#include "engine/container/container_service.h"

#include <signal.h>

#include <algorithm>

#include "base/log.h"
#include "base/process.h"
#include "engine/container/container_run.h"
#include "engine/container/refusal.h"
#include "engine/container/signal_name.h"
#include "model/link.h"

namespace stack::engine {

namespace {

// How long clients of an engine that died have for fetching the rest of the output and the exit code.
constexpr auto kReturnTime = std::chrono::seconds(10);

Task<> remove_ended(ContainerService& service, ContainerPtr container,
                    std::chrono::steady_clock::time_point until) {
  while (container->unread && !container->leaving() && std::chrono::steady_clock::now() < until)
    co_await sleep_for(service.context().io, std::chrono::milliseconds(100));
  // What has reached a client's socket survives this engine, what has not is lost with the container.
  auto drained = std::chrono::steady_clock::now() + kReturnTime;
  while (container->readers > 0 && !container->leaving() && std::chrono::steady_clock::now() < drained)
    (void)co_await container->changed.wait_until(drained);
  if (container->leaving()) co_return;
  Result<> gone = co_await service.remove(container, true, true);
  if (!gone) log_warning(gone.error().text());
}

}  // namespace

ContainerService::ContainerService(Context& context, ContainerParts& parts)
    : context_(context),
      parts_(parts),
      facts_(context, parts),
      filters_(context.paths.cache() + "/seccomp"),
      volumes_(context, parts),
      removal_(context, parts, facts_, volumes_),
      factory_(context, parts, volumes_, removal_),
      requests_(context, parts, facts_, filters_),
      supervisor_(context, parts, facts_, volumes_, requests_),
      roots_(context, parts, facts_),
      streams_(context),
      recovery_(context, parts, facts_, requests_, volumes_, supervisor_, removal_) {
  // As a separate coroutine, because the removal queues behind the start that may have called this.
  auto until = std::chrono::steady_clock::now() + kReturnTime;
  supervisor_.on_removable = [this, until](ContainerPtr container) {
    stack::start(context_.io, remove_ended(*this, std::move(container), until));
  };
}

namespace {

using Clock = std::chrono::steady_clock;

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
  Result<> started = co_await supervisor_.begin_run(container);
  CO_TRY(started);
  co_return true;
}

Task<Result<bool>> ContainerService::stop(ContainerPtr container, std::optional<std::chrono::seconds> timeout,
                                          std::string signal, StopPurpose purpose) {
  Result<int> number = signal.empty() ? facts_.stop_signal(*container) : parse_signal(signal);
  CO_TRY(number);
  container->commands.preempt();
  // This ends a restart whose stop is in progress.
  if (container->phase == Phase::Stopping && purpose == StopPurpose::Rest && !context_.host_stops) {
    container->state.stopped_by_user = true;
    (void)context_.save(*container);
  }
  co_return co_await stop_now(container, *number, timeout, purpose);
}

Task<Result<bool>> ContainerService::stop_now(ContainerPtr container, int signal,
                                              std::optional<std::chrono::seconds> timeout,
                                              StopPurpose purpose) {
  Verdict verdict = co_await when_possible(container, LifeEvent::Stop, nullptr);
  if (verdict != Verdict::Go) co_return false;
  bool was_paused = container->phase == Phase::Paused;
  std::shared_ptr<ContainerRun> run = container->run;
  (void)container->take(LifeEvent::Stop);
  container->state.stopped_by_user = purpose == StopPurpose::Rest && !context_.host_stops;
  // Saved first, so that the restart policy does not restart the container if the engine dies now.
  (void)context_.save(*container);
  supervisor_.end_launch(*run);
  container->changed.notify_all();
  std::chrono::seconds patience =
      timeout.value_or(container->spec.stop_timeout.value_or(std::chrono::seconds(10)));
  auto deadline = patience.count() < 0 ? Clock::time_point::max() : Clock::now() + patience;
  bool ended = co_await supervisor_.signal_until_ended(container, signal, deadline, was_paused);
  if (!ended) ended = co_await supervisor_.kill_until_ended(container, run);
  if (!ended) co_return Error("container " + container->spec.name + " did not end after SIGKILL");
  context_.publish(*container, "stop");
  co_return true;
}

Task<Result<>> ContainerService::restart(ContainerPtr container,
                                         std::optional<std::chrono::seconds> timeout) {
  Result<int> signal = facts_.stop_signal(*container);
  CO_TRY(signal);
  {
    Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Start);
    if (!turn) co_return start_canceled(*container);
    Verdict verdict = co_await when_possible(container, LifeEvent::Restart, &*turn);
    if (verdict == Verdict::Wait) co_return start_canceled(*container);
    if (verdict != Verdict::Go) co_return refusal(*container, LifeEvent::Restart);
    Result<bool> stopped = co_await stop_now(container, *signal, timeout, StopPurpose::Restart);
    CO_TRY(stopped);
    if (turn->pre_empted()) co_return start_canceled(*container);
    // Another stop may have handled the exit first, including a removal by --rm.
    verdict = co_await when_possible(container, LifeEvent::Start, &*turn);
    if (verdict != Verdict::Go) co_return refusal(*container, LifeEvent::Restart);
    Result<> started = co_await supervisor_.begin_run(container);
    CO_TRY(started);
  }
  context_.publish(*container, "restart");
  co_return Result<>();
}

Task<Result<>> ContainerService::kill(ContainerPtr container, std::string signal) {
  Result<int> number = parse_signal(signal.empty() ? "KILL" : signal);
  CO_TRY(number);
  Result<int> own = facts_.stop_signal(*container);
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
    if (container->phase == Phase::Stopping) supervisor_.end_launch(*run);
  }
  if (run->process) {
    Result<> sent = signal_pidfd(run->process->pidfd.get(), *number);
    CO_TRY(sent);
    // The signal is delivered when the processes resume.
    if (was_paused && container->phase != Phase::Paused) {
      (void)parts_.cgroups.thaw(facts_.cgroup_path(*container));
      context_.publish(*container, "unpause");
    }
  }
  container->changed.notify_all();
  context_.publish(*container, "kill", {{"signal", std::to_string(*number)}});
  if (*number == SIGKILL) (void)co_await supervisor_.await_end(container, run, Clock::time_point::max());
  co_return Result<>();
}

Task<Result<>> ContainerService::pause(ContainerPtr container) {
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Steady);
  CO_TRY(turn);
  Verdict verdict = co_await when_possible(container, LifeEvent::Pause, &*turn);
  if (verdict != Verdict::Go) co_return refusal(*container, LifeEvent::Pause);
  std::string cgroup = facts_.cgroup_path(*container);
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
  Result<> thawed = parts_.cgroups.thaw(facts_.cgroup_path(*container));
  CO_TRY(thawed);
  (void)container->take(LifeEvent::Unpause);
  (void)context_.save(*container);
  context_.publish(*container, "unpause");
  container->changed.notify_all();
  co_return Result<>();
}

Task<Result<>> ContainerService::remove(ContainerPtr container, bool force, bool volumes) {
  LifeEvent request = force ? LifeEvent::ForceRemove : LifeEvent::Remove;
  while (next(container->phase, request).verdict == Verdict::Wait) co_await container->changed.wait();
  bool was_paused = container->phase == Phase::Paused;
  if (container->take(request) != Verdict::Go) co_return refusal(*container, request);
  if (!volumes)
    for (MountPoint& mount : container->mounts) mount.source.anonymous = false;
  container->commands.preempt();
  if (std::shared_ptr<ContainerRun> run = container->run) {
    supervisor_.end_launch(*run);
    if (was_paused) (void)parts_.cgroups.thaw(facts_.cgroup_path(*container));
    container->changed.notify_all();
    bool ended = co_await supervisor_.kill_until_ended(container, run);
    if (!ended) log_warning("container " + container->spec.name + " did not end after SIGKILL");
    (void)co_await supervisor_.await_end(container, run, std::chrono::steady_clock::time_point::max());
  }
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Steady);
  CO_TRY(turn);
  // After a crash from here on, the next engine completes the removal.
  (void)context_.save(*container);
  co_await removal_.discard(container);
  context_.publish(*container, "destroy");
  co_return Result<>();
}

Task<Result<>> ContainerService::rename(ContainerPtr container, std::string name) {
  if (container->leaving()) co_return refusal(*container, LifeEvent::Remove);
  if (name.starts_with('/')) name.erase(0, 1);
  Result<> checked = check_container_name(name);
  CO_TRY(checked);
  if (ContainerPtr holder = context_.find_container(name);
      holder && holder->spec.name == name && holder != container)
    co_return conflict("Conflict. The container name \"/" + name + "\" is already in use by container \"" +
                       holder->id.text() + "\".");
  std::string old = std::exchange(container->spec.name, name);
  for (Endpoint& endpoint : container->endpoints)
    std::replace(endpoint.spec.aliases.begin(), endpoint.spec.aliases.end(), old, name);
  Result<> saved = context_.save(*container);
  CO_TRY(saved);
  parts_.networks.refresh_names(*container);
  context_.publish(*container, "rename", {{"oldName", "/" + old}});
  co_return Result<>();
}

Result<> ContainerService::remove_link(const std::string& name, const std::string& alias) {
  TRY_ASSIGN(ContainerPtr container, context_.require_container(name).in("link " + name + "/" + alias));
  auto names_alias = [&alias](const std::string& link) { return parse_link(link).alias == alias; };
  size_t removed = std::erase_if(container->spec.links, names_alias);
  for (Endpoint& endpoint : container->endpoints) removed += std::erase_if(endpoint.spec.links, names_alias);
  if (removed == 0) return not_found("No such link: /" + container->spec.name + "/" + alias);
  TRY(context_.save(*container));
  parts_.networks.refresh_names(*container);
  return {};
}

Task<Result<int>> ContainerService::wait(ContainerPtr container, Condition condition, std::stop_token stop) {
  const uint64_t ends_before = container->ends.count;
  auto ended = [&] { return container->ends.count != ends_before; };
  auto over = [&] {
    if (container->phase == Phase::Gone || stop.stop_requested()) return true;
    if (condition == Condition::Removed) return false;
    return ended() || (condition == Condition::NotRunning && !container->run);
  };
  std::stop_callback wake(stop, [container] { container->changed.notify_all(); });
  while (!over()) co_await container->changed.wait();
  co_return ended() ? container->ends.exit_code : container->state.exit_code;
}

}  // namespace stack::engine
