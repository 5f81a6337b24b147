#include "engine/project/drivers.h"

#include "base/log.h"
#include "base/text.h"
#include "engine/api/docker_view.h"
#include "engine/api/image_transfer.h"
#include "engine/container/container_run.h"
#include "engine/logs/log_reader.h"
#include "model/labels.h"
#include "orchestrator/plan/wait.h"

namespace stack::engine {

using namespace orchestrator;

namespace {

NetworkRequest request_of(const DesiredNetwork& network) {
  NetworkRequest request;
  const compose::Network& config = network.config;
  request.name = config.name;
  request.driver = config.driver;
  request.options = config.driver_opts;
  request.labels = network.labels;
  request.internal = config.internal;
  request.attachable = config.attachable;
  request.enable_ipv4 = config.enable_ipv4.value_or(true);
  request.enable_ipv6 = config.enable_ipv6.value_or(false);
  request.ipam_driver = config.ipam.driver;
  request.expected_containers = network.containers;
  for (const compose::IpamPool& pool : config.ipam.config)
    request.pools.push_back({pool.subnet, pool.ip_range, pool.gateway, pool.aux_addresses});
  return request;
}

}  // namespace

EngineDrivers::DriverTask<> EngineDrivers::create_network(Id, CreateNetwork action) {
  if (NetworkPtr present = state_.networks.find(action.network.config.name);
      present && present->name() == action.network.config.name)
    co_return DriverResult<>();
  Result<NetworkPtr> made = co_await state_.networks.create(request_of(action.network));
  CO_TRY(made);
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::remove_network(Id, RemoveNetwork action) {
  Result<> removed = co_await state_.networks.remove(action.id.empty() ? action.name : action.id);
  if (!removed && removed.error().kind() != ErrorKind::NotFound) co_return std::move(removed).error();
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::create_volume(Id, CreateVolume action) {
  volumes::VolumeSpec spec;
  spec.name = action.volume.config.name;
  spec.driver = action.volume.config.driver;
  spec.options = action.volume.config.driver_opts;
  spec.labels = action.volume.labels;
  Result<volumes::Volume> made = state_.containers.parts().volumes.create(spec);
  CO_TRY(made);
  state_.context.events.publish("volume", "create", spec.name, {{"driver", "local"}});
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::remove_volume(Id, RemoveVolume action) {
  std::vector<std::string> users = volume_users(state_.context, action.name);
  auto& store = state_.containers.parts().volumes;
  auto work = [&store, users, name = action.name] { return store.remove(name, users); };
  Result<> removed = co_await offload(state_.context.pool, work);
  if (!removed && removed.error().kind() != ErrorKind::NotFound) co_return std::move(removed).error();
  state_.context.events.publish("volume", "destroy", action.name, {{"driver", "local"}});
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<std::string> EngineDrivers::build_image(Id, BuildImage action) {
  Result<builder::BuildRequest> request =
      BuildService::request_of(*action.image.build, action.image.reference, settings_);
  CO_TRY(request);
  for (const BuildSecretSource& secret : action.image.secrets)
    request->secrets.push_back({secret.id, secret.file, secret.content, secret.uid, secret.gid, secret.mode});
  Result<SshAgents> agents = co_await state_.builds.open_ssh(action.image.build->ssh, settings_.ssh_socket);
  CO_TRY(agents);
  request->ssh = agents->sockets();
  std::string service =
      action.image.services.empty() ? action.image.reference : action.image.services.front();
  BuildSink sink = [this, service](const std::string& text, const std::string& stream) {
    sink_({{"event", "build"}, {"service", service}, {"text", text}, {"stream", stream}});
  };
  std::stop_source stop;
  // The executor cancels by Asio's cancellation; the build's threads listen to a stop token.
  asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.slot().is_connected()) {
    cancellation.slot().assign([&stop](asio::cancellation_type) { stop.request_stop(); });
  }
  auto built = co_await state_.builds.build(std::move(*request), std::move(sink), stop.get_token());
  if (!built) co_return ActionError(built.error().error, built.error().output);
  co_return *built;
}

EngineDrivers::DriverTask<std::string> EngineDrivers::pull_image(Id id, PullImage action) {
  if (!action.refresh)
    if (auto local = state_.containers.parts().images.find(action.reference)) co_return local->id;
  BuildSink lines = [this, id](const std::string& text, const std::string&) {
    sink_({{"event", "pull"}, {"id", id}, {"text", text}});
  };
  TransferSink transfers = [this, id](const TransferEvent& event) {
    sink_(transfer_event(false, id, event));
  };
  std::stop_source stop;
  asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.slot().is_connected()) {
    cancellation.slot().assign([&stop](asio::cancellation_type) { stop.request_stop(); });
  }
  RegistryService::Wanted wanted{action.reference, action.platform,
                                 state_.registries.caller_of(settings_.caller)};
  Result<std::string> pulled = co_await state_.builds.obtain(std::move(wanted), std::move(transfers),
                                                             std::move(lines), stop.get_token());
  CO_TRY(pulled);
  co_return *pulled;
}

EngineDrivers::DriverTask<> EngineDrivers::remove_image(Id, RemoveImage action) {
  auto& store = state_.containers.parts().images;
  auto work = [&store, reference = action.reference, users = image_users(state_.context)] {
    return store.remove(reference, false, users);
  };
  Result<images::RemovedImages> removed = co_await offload(state_.context.pool, work);
  if (!removed && removed.error().kind() != ErrorKind::NotFound) co_return std::move(removed).error();
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<std::string> EngineDrivers::create_container(Id, CreateContainer action) {
  ContainerService::CreateOptions options;
  options.config_text = action.config_text;
  if (action.inherit_anonymous_volumes && !action.replaces.empty())
    options.volumes_of = state_.context.find_container(action.replaces);
  Result<images::Image> image = state_.containers.parts().images.resolve(action.spec.image);
  if (!image) co_return std::move(image).error().in("image " + action.spec.image);
  action.spec.labels[label::kImage] = image->id;
  Result<ContainerPtr> made = co_await state_.containers.create(std::move(action.spec), options);
  CO_TRY(made);
  co_return (*made)->id;
}

EngineDrivers::DriverTask<> EngineDrivers::rename_container(Id, RenameContainer action) {
  Result<ContainerPtr> container = state_.context.require_container(action.container.id);
  CO_TRY(container);
  if ((*container)->spec.name == action.name) co_return DriverResult<>();
  Result<> renamed = co_await state_.containers.rename(*container, action.name);
  CO_TRY(renamed);
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::start_container(Id, StartContainer action) {
  Result<ContainerPtr> container = state_.context.require_container(action.container.id);
  CO_TRY(container);
  if ((*container)->status() == ContainerStatus::Paused) {
    Result<> thawed = co_await state_.containers.unpause(*container);
    CO_TRY(thawed);
    co_return DriverResult<>();
  }
  Result<bool> started = co_await state_.containers.start(*container);
  CO_TRY(started);
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::stop_container(Id, StopContainer action) {
  ContainerPtr container = state_.context.find_container(action.container.id);
  if (!container) co_return DriverResult<>();
  Result<bool> stopped = co_await state_.containers.stop(container, action.timeout);
  CO_TRY(stopped);
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::kill_container(Id, KillContainer action) {
  ContainerPtr container = state_.context.find_container(action.container.id);
  if (!container || !container->alive()) co_return DriverResult<>();
  Result<> killed = co_await state_.containers.kill(container, action.signal);
  CO_TRY(killed);
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::remove_container(Id, RemoveContainer action) {
  ContainerPtr container = state_.context.find_container(action.container.id);
  if (!container) co_return DriverResult<>();
  // Somebody else may be at it: --rm, or another client.
  while (container->phase == Phase::Removing) co_await container->changed.wait();
  if (container->phase == Phase::Gone) co_return DriverResult<>();
  Result<> removed = co_await state_.containers.remove(container, true, action.volumes);
  CO_TRY(removed);
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::pause_container(Id, PauseContainer action) {
  Result<ContainerPtr> container = state_.context.require_container(action.container.id);
  CO_TRY(container);
  if ((*container)->status() == ContainerStatus::Paused) co_return DriverResult<>();
  Result<> paused = co_await state_.containers.pause(*container);
  CO_TRY(paused);
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::unpause_container(Id, UnpauseContainer action) {
  Result<ContainerPtr> container = state_.context.require_container(action.container.id);
  CO_TRY(container);
  if ((*container)->status() != ContainerStatus::Paused) co_return DriverResult<>();
  Result<> thawed = co_await state_.containers.unpause(*container);
  CO_TRY(thawed);
  co_return DriverResult<>();
}

// The last lines of a container's log and of its health probe: what helps to understand a failure.
std::vector<std::string> EngineDrivers::last_words(const Container& container) const {
  std::vector<std::string> lines;
  logs::LogQuery query;
  query.path = state_.containers.log_path(container);
  query.tail = 10;
  if (Result<logs::LogReader> reader = logs::LogReader::open(query); reader) {
    for (;;) {
      Result<std::optional<logs::LogEntry>> entry = reader->next();
      if (!entry || !*entry) break;
      lines.push_back(container.spec.name + "  | " + std::string(trim((*entry)->text)));
    }
  }
  if (container.health && !container.health->results.empty()) {
    const ProbeResult& last = container.health->results.back();
    lines.push_back("health probe, exit code " + std::to_string(last.exit_code) + ":");
    for (const std::string& line : split(trim(last.output), '\n')) lines.push_back("  " + line);
  }
  return lines;
}

// A check that is configured but has not begun, because the container is only just starting, is "starting".
WaitFacts EngineDrivers::facts_of(const Container& container) const {
  WaitFacts facts = wait_facts(container);
  if (facts.health == Health::None && facts.state == ContainerStatus::Running &&
      state_.health.check_of(container))
    facts.health = Health::Starting;
  return facts;
}

template <typename Judge>
EngineDrivers::DriverTask<> EngineDrivers::wait_for(Id id, ContainerRef reference, Judge judge) {
  Result<ContainerPtr> found = state_.context.require_container(reference.id);
  CO_TRY(found);
  ContainerPtr container = *found;
  std::string told;
  for (;;) {
    WaitFacts facts = facts_of(*container);
    WaitVerdict verdict = judge(facts);
    if (verdict.state == WaitVerdict::State::Done) co_return DriverResult<>();
    if (container->phase == Phase::Gone) co_return Error("container " + reference.name + " was removed");
    if (verdict.state == WaitVerdict::State::Failed)
      co_return ActionError(Error(verdict.text), last_words(*container));
    if (verdict.text != told) {
      told = verdict.text;
      sink_({{"event", "wait"}, {"id", id}, {"text", told}});
    }
    co_await container->changed.wait();
  }
}

EngineDrivers::DriverTask<> EngineDrivers::wait_running(Id id, WaitRunning action) {
  co_return co_await wait_for(id, action.container,
                              [](const WaitFacts& facts) { return judge_running(facts); });
}

EngineDrivers::DriverTask<> EngineDrivers::wait_healthy(Id id, WaitHealthy action) {
  bool or_running = action.or_running;
  co_return co_await wait_for(id, action.container, [or_running](const WaitFacts& facts) {
    return judge_healthy(facts, or_running);
  });
}

EngineDrivers::DriverTask<> EngineDrivers::wait_completed(Id id, WaitCompleted action) {
  co_return co_await wait_for(id, action.container,
                              [](const WaitFacts& facts) { return judge_completed(facts); });
}

EngineDrivers::DriverTask<> EngineDrivers::wait_accepted(Id id, WaitAccepted action) {
  Result<ContainerPtr> found = state_.context.require_container(action.container.id);
  CO_TRY(found);
  ContainerPtr container = *found;
  const int restarts_before = container->state.restart_count;
  const auto waiting_since = std::chrono::steady_clock::now();
  std::string told;
  for (;;) {
    WaitFacts facts = facts_of(*container);
    facts.restarts = container->state.restart_count - restarts_before;
    bool runs = container->run && container->run->process;
    auto started = runs ? container->run->process->started : waiting_since;
    WaitVerdict verdict = judge_accepted(facts, std::chrono::steady_clock::now() - started, action.monitor);
    if (verdict.state == WaitVerdict::State::Done) co_return DriverResult<>();
    if (container->phase == Phase::Gone)
      co_return Error("container " + action.container.name + " was removed");
    if (verdict.state == WaitVerdict::State::Failed)
      co_return ActionError(Error(verdict.text), last_words(*container));
    if (verdict.text != told) {
      told = verdict.text;
      sink_({{"event", "wait"}, {"id", id}, {"text", told}});
    }
    // A health check's verdict comes when it comes; `monitor` is what is left to wait for then.
    bool timed = facts.state == ContainerStatus::Running &&
                 (facts.health == Health::None || facts.health == Health::Healthy);
    if (timed) {
      bool changed = co_await container->changed.wait_until(started + action.monitor);
      (void)changed;
    } else {
      co_await container->changed.wait();
    }
  }
}

EngineDrivers::DriverTask<> EngineDrivers::wait_delay(Id, WaitDelay action) {
  co_await sleep_for(state_.context.io, action.delay);
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::run_hook(Id, RunHook action) {
  Result<ContainerPtr> container = state_.context.require_container(action.container.id);
  CO_TRY(container);
  const std::vector<HookSpec>& hooks =
      action.moment == HookMoment::PostStart ? (*container)->spec.post_start : (*container)->spec.pre_stop;
  for (HookSpec hook : hooks) {
    ExecRequest request;
    request.command = hook.command;
    request.user = hook.user;
    request.privileged = hook.privileged;
    request.working_dir = hook.working_dir;
    request.env = hook.env;
    Result<ExecService::Captured> run =
        co_await state_.execs.run(*container, std::move(request), std::chrono::hours(24), size_t{64} << 10);
    CO_TRY(run);
    if (run->exit_code != 0)
      co_return ActionError(
          Error("hook " + join(hook.command, " ") + " exited with code " + std::to_string(run->exit_code)),
          split(trim(run->output), '\n'));
  }
  co_return DriverResult<>();
}

// Made and started, or one that an earlier engine began for the same service as it is now.
Task<Result<ContainerPtr>> EngineDrivers::hook_container(RunPreStart action) {
  ContainerPtr present = state_.context.find_container(action.spec.name);
  if (present && present->spec.name == action.spec.name) {
    const std::string& hash = action.spec.labels[label::kConfigHash];
    bool begun = present->exists() && present->status() != ContainerStatus::Created;
    if (begun && present->label(label::kConfigHash) == hash) co_return present;
    Result<> removed = co_await state_.containers.remove(present, true, true);
    CO_TRY(removed);
  }
  action.spec.mounts.clear();
  action.spec.volumes_from = {action.container.id};
  Result<ContainerPtr> made = co_await state_.containers.create(std::move(action.spec), {});
  CO_TRY(made);
  Result<bool> started = co_await state_.containers.start(*made);
  if (!started) {
    Result<> removed = co_await state_.containers.remove(*made, true, true);
    if (!removed) log_warning(removed.error().text());
    co_return std::move(started).error();
  }
  co_return *made;
}

EngineDrivers::DriverTask<> EngineDrivers::run_pre_start(Id id, RunPreStart action) {
  std::string command = join(action.spec.command.value_or(std::vector<std::string>{}), " ");
  Result<ContainerPtr> hook = co_await hook_container(action);
  CO_TRY(hook);
  ContainerPtr container = *hook;
  int code = 0;
  ContainerRef reference{container->id, 0, action.spec.name};
  auto judge = [&code](const WaitFacts& facts) {
    code = facts.exit_code;
    return judge_completed(facts);
  };
  DriverResult<> ended = co_await wait_for(id, reference, judge);
  std::vector<std::string> lines = ended ? std::vector<std::string>{} : last_words(*container);
  Result<> removed = co_await state_.containers.remove(container, true, true);
  if (!removed) log_warning(removed.error().text());
  if (ended) co_return DriverResult<>();
  co_return ActionError(
      Error((command.empty() ? "" : command + " ") + ("exited with code " + std::to_string(code))),
      std::move(lines));
}

EngineDrivers::DriverTask<> EngineDrivers::connect_network(Id, ConnectNetwork action) {
  Result<ContainerPtr> container = state_.context.require_container(action.container.id);
  CO_TRY(container);
  Result<> connected = co_await state_.networks.attach_network(*container, action.endpoint);
  CO_TRY(connected);
  co_return DriverResult<>();
}

EngineDrivers::DriverTask<> EngineDrivers::disconnect_network(Id, DisconnectNetwork action) {
  Result<ContainerPtr> container = state_.context.require_container(action.container.id);
  CO_TRY(container);
  Result<> gone = co_await state_.networks.detach_network(*container, action.network);
  CO_TRY(gone);
  co_return DriverResult<>();
}

Result<> ProjectJournal::begin(const Plan&) {
  if (kind_.empty()) return {};
  // `down` frees space: a full disk must not keep it from beginning.
  return store_.put(Table::Operations, project_,
                    {{"kind", kind_}, {"goal", goal_}, {"attempts", int_or(goal_, "attempts")}},
                    kind_ == "down" ? Space::Reserved : Space::Ordinary);
}

// The goal says enough: the next engine plans for it again from what it finds.
Result<> ProjectJournal::before(const Action&) { return {}; }

void ProjectJournal::after(const Action&, const Outcome&) {}

void ProjectJournal::finish(bool) {
  if (kind_.empty()) return;
  (void)store_.remove(Table::Operations, project_);
}

void SinkProgress::changed(const Action& action, const Outcome& outcome) {
  // What would have taken something back, and had not to.
  bool idle = outcome.state == ActionState::Done && !outcome.performed;
  if (action.contingent() && (idle || outcome.state == ActionState::Skipped)) return;
  OrderedJson event{{"event", "action"},
                    {"id", action.id},
                    {"state", to_text(outcome.state)},
                    {"text", outcome.text},
                    {"seconds", std::chrono::duration<double>(outcome.took).count()}};
  if (outcome.error) event["error"] = outcome.error->error.text();
  sink_(std::move(event));
}

}  // namespace stack::engine
