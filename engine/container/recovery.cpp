#include "engine/container/recovery.h"

#include <signal.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/process.h"
#include "engine/container/cgroup_parent.h"

namespace stack::engine {

namespace {

// How long the start of the engine waits for the monitors of removed containers.
constexpr auto kMonitorEndPoll = std::chrono::milliseconds(50);
constexpr int kMonitorEndPolls = 40;

}  // namespace

// Handles a container that is recorded as running but is not, and whose exit was not seen.
void Recovery::note_lost(Container& container) {
  ContainerState& state = container.state;
  state.pid = 0;
  for (Endpoint& endpoint : container.endpoints) endpoint.attached = false;
  container.published.clear();
  if (container.phase != Phase::Backoff) {
    Result<std::optional<runtime::Exited>> end =
        runtime::read_exit_file(context_.paths.container(container.id));
    if (end && *end) {
      state.exit_code = (*end)->exit_code;
      state.oom_killed = (*end)->oom_killed;
      state.finished_at = rfc3339((*end)->finished_at);
    } else {
      state.exit_code = 255;
      state.finished_at = rfc3339(std::chrono::system_clock::now());
      state.error = "the machine or the engine stopped while it was running";
    }
  }
  (void)container.take(LifeEvent::Lost);
  (void)context_.save(container);
  context_.publish(container, "die", {{"exitCode", std::to_string(state.exit_code)}});
}

// Whether the restart policy requires a stopped container to run again.
bool Recovery::comes_back(Container& container) {
  // The recorded phase; no process was found.
  bool was_restarting = container.phase == Phase::Backoff;
  bool was_running = was_restarting || container.phase == Phase::Running || container.phase == Phase::Paused;
  if (was_running) note_lost(container);
  if (container.phase != Phase::Stopped || container.status() != ContainerStatus::Exited) return false;
  if (was_restarting) return true;
  bool rebooted = container.boot_id != context_.boot_id;
  return (was_running || rebooted) &&
         start_at_boot(container.spec.restart, container.state.exit_code, container.state.stopped_by_user);
}

Result<> Recovery::load() {
  Store::Reader<ContainerPtr> read = [this](const std::string& id,
                                            const Json& record) -> Result<ContainerPtr> {
    auto container = std::make_shared<Container>(context_.io);
    container->id = ContainerId(id);
    TRY(read_record(record, *container));
    return container;
  };
  TRY_ASSIGN(LoadedRecords<ContainerPtr> loaded, context_.store.load(Table::Containers, read));
  for (ContainerPtr& container : loaded.good) context_.containers[container->id] = std::move(container);
  for (Unreadable& record : loaded.unreadable) {
    log_error("container " + record.key + ": its record cannot be read (" + record.reason +
              "); leaving it unchanged");
    // While connected to an engine, its monitor does not start another one.
    Result<Fd> control = runtime::connect_monitor(context_.paths.container_run(ContainerId(record.key)));
    if (control) unreadable_monitors_[record.key] = std::move(*control);
    context_.unreadable.push_back(std::move(record));
  }
  return {};
}

namespace {

// Kills the processes and the monitor of a container whose removal had started, without waiting.
void end_half_made(Container& container) {
  if (!container.run || !container.run->process) return;
  (void)signal_pidfd(container.run->process->pidfd.get(), SIGKILL);
  if (Result<Fd> monitor = open_pidfd(container.run->process->monitor_pid))
    (void)signal_pidfd(monitor->get(), SIGKILL);
  container.run.reset();
}

}  // namespace

Task<Result<std::vector<ContainerPtr>>> Recovery::recover() {
  Result<> loaded = load();
  CO_TRY(loaded);
  removal_.load();
  std::vector<ContainerPtr> all;
  for (const auto& [id, container] : context_.containers) all.push_back(container);
  std::vector<ContainerPtr> half_made;
  for (const ContainerPtr& container : all)
    if (container->phase == Phase::Making) half_made.push_back(container);
  std::vector<Adoption> outcomes = co_await adopt_all(all);
  for (const ContainerPtr& container : all) container->unread = container->spec.auto_remove;
  std::vector<ContainerPtr> running;
  std::vector<ContainerPtr> to_start;
  for (size_t i = 0; i < all.size(); ++i) {
    if (outcomes[i] == Adoption::Running) running.push_back(all[i]);
    if (outcomes[i] == Adoption::Gone && comes_back(*all[i])) to_start.push_back(all[i]);
  }
  std::vector<ContainerPtr> alive = running;
  for (size_t i = 0; i < all.size(); ++i)
    if (outcomes[i] == Adoption::Unreachable) alive.push_back(all[i]);
  volumes_.adopt(alive);
  Result<> networks = parts_.networks.adopt(running);
  if (!networks) log_error("networks: " + networks.error().text());
  for (const ContainerPtr& container : running) {
    if (std::find(half_made.begin(), half_made.end(), container) != half_made.end()) continue;
    supervisor_.resume(container);
  }
  for (const ContainerPtr& container : half_made) {
    end_half_made(*container);
    if (container->phase == Phase::Making) (void)container->take(LifeEvent::MakeFailed);
    co_await removal_.discard(container);
  }
  for (size_t i = 0; i < all.size(); ++i) {
    ContainerPtr& container = all[i];
    if (!container->spec.auto_remove || container->leaving()) continue;
    // Its end was recorded, but the engine died before the removal.
    bool ended = container->phase == Phase::Stopped && container->status() == ContainerStatus::Exited;
    if (ended && supervisor_.on_removable) supervisor_.on_removable(container);
  }
  co_await keep_unowned();
  co_return to_start;
}

Task<> Recovery::keep_unowned() {
  std::vector<Leftover> left = co_await sweep(true);
  // The monitor of a removed container may still be ending.
  auto is_monitor = [](const Leftover& leftover) { return leftover.is_monitor; };
  for (int i = 0; i < kMonitorEndPolls && std::any_of(left.begin(), left.end(), is_monitor); ++i) {
    co_await sleep_for(context_.io, kMonitorEndPoll);
    left = co_await sweep(true);
  }
  for (const Leftover& leftover : left) {
    if (leftover.kind != LeftoverKind::Unknown) continue;
    log_error(leftover.text + "; leaving it unchanged (see `stack doctor`)");
    context_.unreadable.push_back({Table::Containers, leftover.id, leftover.text});
    unowned_.insert(leftover.id);
  }
}

void Recovery::forget_ended(std::vector<Leftover>& found) {
  std::set<std::string> present;
  for (const Leftover& leftover : found)
    if (leftover.kind == LeftoverKind::Unknown) present.insert(leftover.id);
  std::erase_if(context_.unreadable, [&](const Unreadable& record) {
    return record.table == Table::Containers && unowned_.contains(record.key) &&
           !present.contains(record.key);
  });
  std::erase_if(unowned_, [&](const std::string& id) { return !present.contains(id); });
  std::erase_if(found, [&](const Leftover& leftover) {
    return leftover.kind == LeftoverKind::Unknown && unowned_.contains(leftover.id);
  });
}

Owners Recovery::owners() const {
  Owners owners;
  for (const auto& [id, container] : context_.containers) {
    owners.containers.insert(id.text());
    if (container->run) owners.alive.insert(id.text());
  }
  for (const Unreadable& record : context_.unreadable) {
    if (record.table != Table::Containers || unowned_.contains(record.key)) continue;
    owners.containers.insert(record.key);
    owners.unreadable.insert(record.key);
  }
  owners.steps = context_.build_steps;
  return owners;
}

Task<std::vector<Leftover>> Recovery::sweep(bool repair) {
  auto search = [paths = context_.paths, cgroups = parts_.cgroups, known = owners()] {
    return find_leftovers(paths, cgroups, known);
  };
  std::vector<Leftover> found = co_await offload(context_.pool, search);
  // Containers may have been created during the search.
  Owners now = owners();
  std::erase_if(found, [&](const Leftover& leftover) {
    bool of_container = now.containers.contains(leftover.id) && leftover.kind != LeftoverKind::Cgroup;
    return of_container || now.alive.contains(leftover.id) || now.steps.contains(leftover.id);
  });
  forget_ended(found);
  if (!repair) co_return found;
  auto clear = [paths = context_.paths, cgroups = parts_.cgroups, found] {
    for (const Leftover& leftover : found) {
      if (leftover.kind == LeftoverKind::Unknown) continue;
      Result<> removed = remove_leftover(paths, cgroups, leftover);
      if (removed) {
        log_info("removed leftover " + leftover.text);
      } else {
        log_warning(leftover.text + ": " + removed.error().text());
      }
    }
    return true;
  };
  co_await offload(context_.pool, clear);
  remove_unused_cgroup_parent(context_, parts_.cgroups);
  co_return found;
}

Task<Result<>> Recovery::give_up(std::string id) {
  Owners known = owners();
  if (known.containers.contains(id) && !known.unreadable.contains(id))
    co_return conflict("container " + id + " has a record; remove it like any other container");
  unreadable_monitors_.erase(id);
  unowned_.erase(id);
  auto clear = [paths = context_.paths, cgroups = parts_.cgroups, id] {
    return remove_leftover(paths, cgroups, {LeftoverKind::Unknown, id, false, ""});
  };
  Result<> cleared = co_await offload(context_.pool, clear);
  CO_TRY(cleared);
  Result<> removed = context_.store.remove(Table::Containers, id);
  CO_TRY(removed);
  context_.containers.erase(ContainerId(id));
  std::erase_if(context_.unreadable, [&](const Unreadable& record) {
    return record.table == Table::Containers && record.key == id;
  });
  remove_unused_cgroup_parent(context_, parts_.cgroups);
  co_return Result<>();
}

void Recovery::leave() {
  for (const auto& [id, container] : context_.containers) {
    (void)container->take(LifeEvent::EngineStopping);
    if (container->has_process())
      (void)runtime::send_engine_leaves(container->run->process->control.native_handle());
  }
  for (const auto& [id, control] : unreadable_monitors_) (void)runtime::send_engine_leaves(control.get());
}

bool Recovery::any_alive() const {
  return !unreadable_monitors_.empty() ||
         std::any_of(context_.containers.begin(), context_.containers.end(),
                     [](const auto& entry) { return entry.second->run != nullptr; });
}

}  // namespace stack::engine
