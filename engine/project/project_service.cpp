#include "engine/project/project_service.h"

#include <algorithm>

#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"
#include "engine/api/docker_view.h"
#include "engine/project/drivers.h"
#include "engine/project/project_state.h"
#include "engine/project/pull_sizes.h"
#include "model/labels.h"
#include "orchestrator/plan/preflight.h"
#include "orchestrator/plan/pull.h"

namespace stack::engine {

namespace {

using orchestrator::DesiredState;
using orchestrator::ObservedState;
using orchestrator::Plan;

std::vector<std::string> strings_of(const Json& object, const char* key) {
  std::vector<std::string> out;
  if (auto found = object.is_object() ? object.find(key) : object.end();
      object.is_object() && found != object.end() && found->is_array())
    for (const Json& item : *found)
      if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

std::optional<std::chrono::seconds> timeout_of(const Json& options) {
  if (!options.is_object() || !options.contains("timeout") || !options["timeout"].is_number())
    return std::nullopt;
  return std::chrono::seconds(int_or(options, "timeout"));
}

orchestrator::ReconcileOptions reconcile_options(const Json& o) {
  orchestrator::ReconcileOptions r;
  r.force_recreate = bool_or(o, "force_recreate");
  r.no_recreate = bool_or(o, "no_recreate");
  r.always_recreate_deps = bool_or(o, "always_recreate_deps");
  r.renew_anon_volumes = bool_or(o, "renew_anon_volumes");
  r.remove_orphans = bool_or(o, "remove_orphans");
  r.ignore_orphans = bool_or(o, "ignore_orphans");
  r.build = bool_or(o, "build");
  r.no_build = bool_or(o, "no_build");
  r.pull = string_or(o, "pull");
  r.no_start = bool_or(o, "no_start");
  r.wait = bool_or(o, "wait");
  r.rerun_completed = !bool_or(o, "resumed");
  r.timeout = timeout_of(o);
  return r;
}

orchestrator::DesiredOptions desired_options(const Json& o) {
  orchestrator::DesiredOptions d;
  d.services = strings_of(o, "services");
  d.no_deps = bool_or(o, "no_deps");
  if (o.is_object() && o.contains("scale") && o["scale"].is_object())
    for (const auto& [service, count] : o["scale"].items())
      if (count.is_number_integer()) d.scale[service] = count.get<int>();
  return d;
}

void fail(const Sink& sink, const Error& error, const std::vector<std::string>& detail = {}) {
  int code = error.kind() == ErrorKind::NoCommand ? 127 : error.kind() == ErrorKind::NotExecutable ? 126 : 1;
  sink({{"event", "error"}, {"text", error.text()}, {"code", code}, {"detail", detail}});
}

Json options_of(const Json& body) {
  return body.is_object() && body.contains("options") ? body["options"] : Json::object();
}

}  // namespace

ProjectService::ProjectService(Context& context, ContainerService& containers, ExecService& execs,
                               HealthService& health, NetworkService& networks, BuildService& builds,
                               RegistryService& registries)
    : state_(std::make_unique<State>(
          State{context, containers, execs, health, networks, builds, registries, {}, {}})) {}
ProjectService::~ProjectService() = default;

Result<> ProjectService::load() {
  TRY_ASSIGN(LoadedRecords<Store::Document> loaded, state_->context.store.load_documents(Table::Projects));
  for (const auto& [name, row] : loaded.good)
    state_->projects[name] = {name, string_or(row, "working_dir"), strings_of(row, "config_files"),
                              row.value("project", Json())};
  for (Unreadable& record : loaded.unreadable) {
    log_error("project " + record.key + ": its record cannot be read (" + record.reason +
              "); the next `up` with its files writes it again");
    state_->context.unreadable.push_back(std::move(record));
  }
  return {};
}

std::vector<StoredProject> ProjectService::list() const {
  std::vector<StoredProject> out;
  for (const auto& [name, project] : state_->projects) out.push_back(project);
  return out;
}

std::optional<StoredProject> ProjectService::find(const std::string& name) const {
  auto found = state_->projects.find(name);
  return found == state_->projects.end() ? std::nullopt : std::optional(found->second);
}

std::string ProjectService::lock_holder(const std::string& name) const {
  auto found = state_->locks.find(name);
  return found == state_->locks.end() ? "" : found->second->holder;
}

namespace {

// Since the image was pulled or tagged last.
std::chrono::seconds age_of(const images::Image& image) {
  Result<WallTime> tagged = parse_rfc3339(image.last_tag_time);
  if (!tagged) return {};
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - *tagged);
}

}  // namespace

ObservedState ProjectService::observe(const std::string& project, const DesiredState* desired) const {
  ObservedState observed;
  observed.project = project;
  for (const auto& [id, container] : state_->context.containers) {
    if (!container->exists()) continue;
    std::string owner = container->label(label::kProject);
    if (owner == project) {
      observed.containers.push_back(observed_container(*container, state_->networks));
      if (desired != nullptr) continue;
      // Nobody says which images matter: those of the containers do.
      if (auto found = state_->containers.parts().images.find(container->spec.image))
        observed.images[container->spec.image] = found->id;
    } else {
      observed.other_names[container->spec.name] =
          owner.empty() ? "container " + container->short_id() : "project " + owner;
    }
  }
  for (const NetworkPtr& network : state_->networks.list())
    observed.networks.push_back({network->id, network->name(), network->request.labels,
                                 state_->networks.fault_of(network->id), network->capacity()});
  for (const volumes::Volume& volume : state_->containers.parts().volumes.list())
    observed.volumes.push_back({volume.name, volume.labels});
  if (desired != nullptr)
    for (const auto& [reference, image] : desired->images)
      if (auto found = state_->containers.parts().images.find(reference)) {
        observed.images[reference] = found->id;
        if (orchestrator::refresh_interval(image.pull_policy, image.pull_refresh_after))
          observed.image_ages[reference] = age_of(*found);
      }
  return observed;
}

// Waits for the project's lock, telling why.
Task<AsyncMutex::Lock> ProjectService::State::lock(std::string name, std::string purpose, Sink sink) {
  auto& entry = locks[name];
  if (!entry) entry = std::make_shared<ProjectLock>(context.io);
  std::shared_ptr<ProjectLock> mine = entry;
  ++mine->commands;
  if (mine->mutex.held())
    sink({{"event", "waiting"},
          {"text", "project " + name + " is being changed by another command (" + mine->holder +
                       "); waiting for it"}});
  auto held = co_await mine->mutex.lock();
  mine->holder = purpose;
  co_return held;
}

namespace {

struct Loaded {
  compose::Project project;
  DesiredState desired;
};

Result<Loaded> load_desired(const Json& body) {
  if (!body.is_object() || !body.contains("project") || !body["project"].is_object())
    return invalid("the request names no project");
  Loaded loaded;
  TRY_ASSIGN(loaded.project, compose::project_from_json(body["project"]));
  TRY_ASSIGN(loaded.desired, orchestrator::desired_state(loaded.project, desired_options(options_of(body))));
  return loaded;
}

}  // namespace

Result<> ProjectService::State::check_identity(const compose::Project& project) const {
  auto stored = projects.find(project.name);
  if (stored == projects.end()) return {};
  bool alive = std::any_of(context.containers.begin(), context.containers.end(),
                           [&](const auto& c) { return c.second->label(label::kProject) == project.name; });
  if (!alive) return {};
  if (auto refusal =
          orchestrator::check_identity(project.name, stored->second.working_dir, project.working_dir))
    return conflict(*refusal);
  return {};
}

std::vector<orchestrator::Problem> ProjectService::State::preflight(const compose::Project& project,
                                                                    const DesiredState& desired,
                                                                    const Plan& plan,
                                                                    const ObservedState& observed) {
  orchestrator::HostFacts facts;
  auto is_ours = [&, name = project.name](const std::string& holder) {
    if (!holder.starts_with("container ")) return false;
    ContainerPtr container = context.find_container(holder.substr(10));
    return container && container->label(label::kProject) == name;
  };
  facts.port_taken = [&](const std::string& ip, uint16_t port,
                         const std::string& protocol) -> std::optional<std::string> {
    auto holder = networks.port_holder(ip, port, protocol);
    if (holder && is_ours(*holder)) return std::nullopt;
    return holder;
  };
  facts.path_exists = [](const std::string& path) { return path_exists(path); };
  facts.can_pull = [](const std::string& reference) { return parse_reference(reference).has_value(); };
  facts.container_known = [&](const std::string& name) { return context.find_container(name) != nullptr; };
  std::vector<orchestrator::HeldPort> held;
  for (const auto& [id, container] : context.containers) {
    if (!container->run || container->label(label::kProject) != project.name) continue;
    for (const PublishedPort& port : container->published) {
      PortSpec spec;
      spec.container_port = port.container_port;
      spec.protocol = port.protocol;
      spec.host_ip = port.host_ip;
      spec.host_port = port.host_port;
      held.push_back({id, spec});
    }
  }
  return orchestrator::preflight(project, desired, plan, observed, facts, held);
}

namespace {

std::string joined(const std::vector<orchestrator::Problem>& problems) {
  std::string text;
  for (const orchestrator::Problem& problem : problems) text += (text.empty() ? "" : "\n") + problem.text;
  return text;
}

void send_plan(const Sink& sink, const Plan& plan) {
  for (const std::string& warning : plan.warnings) sink({{"event", "warning"}, {"text", warning}});
  sink({{"event", "plan"}, {"actions", orchestrator::plan_json(plan)}});
}

}  // namespace

// Carries a plan out and tells of its end. true: all went well.
Task<bool> ProjectService::State::carry_out(std::shared_ptr<const Plan> plan, Json options, Sink sink,
                                            std::string journal_kind, Json goal,
                                            std::shared_ptr<orchestrator::Cancellation> cancellation) {
  BuildSettings settings = build_settings_from(options.value("build_options", Json::object()));
  if (settings.caller.empty()) settings.caller = string_or(options, "caller");
  EngineDrivers drivers(*this, plan, sink, std::move(settings));
  ProjectJournal journal(context.store, plan->project, journal_kind, std::move(goal));
  SinkProgress progress(sink);
  orchestrator::ExecuteOptions execute_options;
  if (int64_t limit = int_or(options, "wait_timeout"); limit > 0)
    execute_options.wait_timeout = std::chrono::seconds(limit);
  execute_options.parallel_builds = 2;
  orchestrator::ExecutionReport report =
      co_await orchestrator::execute(plan, drivers, journal, progress, execute_options, cancellation);
  for (const std::string& warning : report.warnings) sink({{"event", "warning"}, {"text", warning}});
  if (report.succeeded()) {
    last_changed = report.changed;
    co_return true;
  }
  if (report.image_failed(*plan)) {
    auto undo = std::make_shared<const Plan>(orchestrator::undo(*plan, report.performed(), report.ids()));
    if (!undo->empty()) {
      // Its actions are numbered from 1 again: without the new plan, clients take them for the first one's.
      send_plan(sink, *undo);
      ProjectJournal no_journal(context.store, plan->project, "", Json());
      (void)co_await orchestrator::execute(undo, drivers, no_journal, progress, {}, nullptr);
    }
  }
  if (report.journal_error) {
    fail(sink, report.journal_error->in("the plan cannot be recorded"));
  } else if (report.failed.empty()) {
    sink({{"event", "error"},
          {"text", report.cancelled.value_or("cancelled")},
          {"code", 130},
          {"detail", Json::array()}});
  } else {
    Error error = report.error(*plan);
    sink({{"event", "error"},
          {"text", error.text()},
          {"code", report.exit_code()},
          {"detail", report.detail()}});
  }
  co_return false;
}

Result<> ProjectService::State::keep(const compose::Project& project, const Json& text) {
  StoredProject stored{project.name, project.working_dir, project.compose_files, text};
  TRY(context.store.put(Table::Projects, project.name,
                        {{"working_dir", stored.working_dir},
                         {"config_files", stored.config_files},
                         {"project", stored.project}}));
  projects[project.name] = std::move(stored);
  return {};
}

Task<> ProjectService::up(std::string name, Json body, Sink sink) {
  auto lock = co_await state_->lock(name, "up", sink);
  Result<Loaded> loaded = load_desired(body);
  if (loaded && loaded->project.name != name)
    loaded = invalid("the project in the request is called " + loaded->project.name);
  Result<> identity = loaded ? state_->check_identity(loaded->project) : Result<>();
  if (!loaded || !identity) {
    fail(sink, loaded ? identity.error() : loaded.error());
    co_return;
  }
  Json options = options_of(body);
  ObservedState observed = observe(name, &loaded->desired);
  auto plan =
      std::make_shared<Plan>(orchestrator::reconcile(loaded->desired, observed, reconcile_options(options)));
  plan->warnings.insert(plan->warnings.begin(), loaded->desired.warnings.begin(),
                        loaded->desired.warnings.end());
  std::vector<orchestrator::Problem> problems =
      state_->preflight(loaded->project, loaded->desired, *plan, observed);
  if (!problems.empty()) {
    fail(sink, invalid(joined(problems)));
    co_return;
  }
  send_plan(sink, *plan);
  if (!plan->empty()) {
    bool known = state_->projects.contains(name);
    Result<> kept = state_->keep(loaded->project, body["project"]);
    if (!kept) {
      fail(sink, kept.error());
      co_return;
    }
    Json goal = body;
    goal["options"]["resumed"] = true;
    bool done = co_await state_->carry_out(plan, options, sink, "up", std::move(goal), nullptr);
    if (!done) {
      if (!known) state_->forget_if_empty(name);
      co_return;
    }
  } else {
    state_->last_changed = 0;
    Result<> kept = state_->keep_if_changed(loaded->project, body["project"]);
    if (!kept) log_warning(kept.error().text());
  }
  sink({{"event", "done"}, {"changed", state_->last_changed}});
}

Result<> ProjectService::State::keep_if_changed(const compose::Project& project, const Json& text) {
  auto stored = projects.find(project.name);
  if (stored != projects.end() && stored->second.project == text) return {};
  return keep(project, text);
}

void ProjectService::State::forget_if_empty(const std::string& name) {
  for (const auto& [id, container] : context.containers)
    if (container->label(label::kProject) == name) return;
  for (const NetworkPtr& network : networks.list())
    if (auto owner = network->request.labels.find(label::kProject);
        owner != network->request.labels.end() && owner->second == name)
      return;
  (void)context.store.remove(Table::Projects, name);
  projects.erase(name);
}

namespace {

// The project of a request, or else the stored one; nullopt where neither is there or readable.
std::optional<Loaded> known_project(const Json& body, const std::optional<StoredProject>& stored) {
  Json request{{"project", body.is_object() ? body.value("project", Json()) : Json()}};
  if (!request["project"].is_object()) {
    if (!stored) return std::nullopt;
    request["project"] = stored->project;
  }
  Result<Loaded> loaded = load_desired(request);
  if (!loaded) return std::nullopt;
  return std::move(*loaded);
}

}  // namespace

Task<> ProjectService::down(std::string name, Json body, Sink sink) {
  auto lock = co_await state_->lock(name, "down", sink);
  Json options = options_of(body);
  std::optional<Loaded> known = known_project(body, find(name));
  if (known) {
    Result<> identity = state_->check_identity(known->project);
    if (!identity) {
      fail(sink, identity.error());
      co_return;
    }
  }
  orchestrator::DownOptions down;
  down.services = strings_of(options, "services");
  down.volumes = bool_or(options, "volumes");
  down.rmi = string_or(options, "rmi");
  down.remove_orphans = bool_or(options, "remove_orphans");
  down.timeout = timeout_of(options);
  auto plan = std::make_shared<Plan>(orchestrator::plan_down(
      known ? &known->desired : nullptr, observe(name, known ? &known->desired : nullptr), down));
  send_plan(sink, *plan);
  bool done = co_await state_->carry_out(plan, options, sink, "down", body, nullptr);
  state_->forget_if_empty(name);
  if (done) sink({{"event", "done"}, {"changed", state_->last_changed}});
}

Task<> ProjectService::operate(std::string verb, std::string name, Json body, Sink sink) {
  auto lock = co_await state_->lock(name, verb, sink);
  std::optional<Loaded> known = known_project(body, find(name));
  const DesiredState* desired = known ? &known->desired : nullptr;
  ObservedState observed = observe(name, desired);
  orchestrator::OperationOptions options;
  options.services = strings_of(body, "services");
  options.timeout = timeout_of(body);
  options.signal = string_or(body, "signal");
  options.no_deps = bool_or(body, "no_deps");
  options.stop = bool_or(body, "stop") || bool_or(body, "force");
  options.volumes = bool_or(body, "volumes");
  options.wait = bool_or(body, "wait");
  std::vector<std::string> only = strings_of(body, "containers");
  if (!only.empty()) keep_only(observed, options.services, only);
  using Planner =
      Result<Plan> (*)(const DesiredState*, const ObservedState&, const orchestrator::OperationOptions&);
  static const std::map<std::string, Planner> kPlanners{
      {"start", orchestrator::plan_start},     {"stop", orchestrator::plan_stop},
      {"restart", orchestrator::plan_restart}, {"kill", orchestrator::plan_kill},
      {"rm", orchestrator::plan_rm},           {"pause", orchestrator::plan_pause},
      {"unpause", orchestrator::plan_unpause},
  };
  Result<Plan> made = kPlanners.at(verb)(desired, observed, options);
  if (!made) {
    fail(sink, made.error());
    co_return;
  }
  auto plan = std::make_shared<Plan>(std::move(*made));
  plan->keep_going = plan->keep_going || bool_or(body, "keep_going");
  send_plan(sink, *plan);
  bool done = co_await state_->carry_out(plan, body, sink, "", Json(), nullptr);
  if (done) sink({{"event", "done"}, {"changed", state_->last_changed}});
}

Task<> ProjectService::build(std::string name, Json body, Sink sink,
                             std::shared_ptr<orchestrator::Cancellation> cancellation) {
  auto lock = co_await state_->lock(name, "build", sink);
  Json options = options_of(body);
  Json request = body;
  request["options"] = {{"services", body.value("services", Json::array())}, {"no_deps", true}};
  Result<Loaded> loaded = load_desired(request);
  if (!loaded) {
    fail(sink, loaded.error());
    co_return;
  }
  auto plan = std::make_shared<Plan>();
  plan->project = name;
  for (const auto& [reference, image] : loaded->desired.images) {
    if (!image.build) continue;
    orchestrator::Action action;
    action.id = static_cast<int>(plan->actions.size()) + 1;
    action.body = orchestrator::BuildImage{image};
    action.cause = "asked for";
    action.service = image.services.empty() ? "" : image.services.front();
    plan->actions.push_back(std::move(action));
  }
  send_plan(sink, *plan);
  Json carry_options;
  carry_options["build_options"] = options;
  bool done = co_await state_->carry_out(plan, carry_options, sink, "", Json(), cancellation);
  if (done) sink({{"event", "done"}, {"changed", state_->last_changed}});
}

Task<> ProjectService::pull(std::string name, Json body, Sink sink,
                            std::shared_ptr<orchestrator::Cancellation> cancellation) {
  auto lock = co_await state_->lock(name, "pull", sink);
  Json options = options_of(body);
  Result<Loaded> loaded = load_desired(body);
  if (!loaded) {
    fail(sink, loaded.error());
    co_return;
  }
  orchestrator::PullOptions pull;
  pull.policy = string_or(options, "policy");
  pull.ignore_buildable = bool_or(options, "ignore_buildable");
  pull.ignore_failures = bool_or(options, "ignore_failures");
  auto plan =
      std::make_shared<Plan>(orchestrator::plan_pull(loaded->desired, observe(name, &loaded->desired), pull));
  send_plan(sink, *plan);
  bool done = co_await state_->carry_out(plan, options, sink, "", Json(), cancellation);
  if (done) sink({{"event", "done"}, {"changed", state_->last_changed}});
}

Task<Result<OrderedJson>> ProjectService::plan(std::string name, Json body) {
  Result<Loaded> loaded = load_desired(body);
  CO_TRY(loaded);
  Result<> identity = state_->check_identity(loaded->project);
  CO_TRY(identity);
  ObservedState observed = observe(name, &loaded->desired);
  Plan plan = orchestrator::reconcile(loaded->desired, observed, reconcile_options(options_of(body)));
  plan.warnings.insert(plan.warnings.begin(), loaded->desired.warnings.begin(),
                       loaded->desired.warnings.end());
  for (const orchestrator::Problem& problem :
       state_->preflight(loaded->project, loaded->desired, plan, observed))
    plan.warnings.push_back(problem.text);
  co_await add_pull_sizes(plan, state_->context, state_->registries,
                          state_->registries.caller_of(string_or(options_of(body), "caller")));
  co_return OrderedJson{{"actions", orchestrator::plan_json(plan)},
                        {"changes", orchestrator::count_changes(plan)},
                        {"text", orchestrator::plan_text(plan)},
                        {"warnings", plan.warnings}};
}

namespace {

orchestrator::RunOptions run_options(const Json& o) {
  orchestrator::RunOptions r;
  auto optional_list = [&](const char* key) -> std::optional<std::vector<std::string>> {
    if (!o.is_object() || !o.contains(key) || !o[key].is_array()) return std::nullopt;
    return strings_of(o, key);
  };
  r.command = optional_list("command");
  r.entrypoint = optional_list("entrypoint");
  r.env = strings_of(o, "env");
  r.labels = strings_of(o, "labels");
  r.user = string_or(o, "user");
  r.workdir = string_or(o, "workdir");
  r.name = string_or(o, "name");
  r.slug = random_hex(6);
  r.tty = bool_or(o, "tty");
  r.interactive = bool_or(o, "interactive");
  r.remove = bool_or(o, "rm");
  r.service_ports = bool_or(o, "service_ports");
  r.publish = strings_of(o, "publish");
  r.volumes = strings_of(o, "volumes");
  r.use_aliases = bool_or(o, "use_aliases");
  r.cap_add = strings_of(o, "cap_add");
  r.cap_drop = strings_of(o, "cap_drop");
  return r;
}

}  // namespace

Task<> ProjectService::run(std::string name, Json body, Sink sink) {
  auto lock = co_await state_->lock(name, "run", sink);
  std::string service = string_or(body, "service");
  Json options = options_of(body);
  Json request = body;
  request["options"] = {{"services", {service}}, {"no_deps", bool_or(options, "no_deps")}};
  Result<Loaded> loaded = load_desired(request);
  if (!loaded) {
    fail(sink, loaded.error());
    co_return;
  }
  Result<> identity = state_->check_identity(loaded->project);
  Result<ContainerSpec> spec = orchestrator::one_off(loaded->project, service, run_options(options));
  if (!identity || !spec) {
    fail(sink, identity ? spec.error() : identity.error());
    co_return;
  }
  ObservedState observed = observe(name, &loaded->desired);
  orchestrator::ReconcileOptions prepare;
  prepare.prepare = service;
  prepare.build = bool_or(options, "build");
  prepare.pull = string_or(options, "pull");
  prepare.ignore_orphans = true;
  prepare.rerun_completed = false;
  auto plan = std::make_shared<Plan>(orchestrator::reconcile(loaded->desired, observed, prepare));
  send_plan(sink, *plan);
  if (!plan->empty()) {
    Result<> kept = state_->keep_if_changed(loaded->project, body["project"]);
    if (!kept) {
      fail(sink, kept.error());
      co_return;
    }
    bool done = co_await state_->carry_out(plan, options, sink, "", Json(), nullptr);
    if (!done) co_return;
  }
  ContainerService::CreateOptions create_options;
  Result<ContainerPtr> created = co_await state_->containers.create(std::move(*spec), create_options);
  if (!created) {
    fail(sink, created.error());
    co_return;
  }
  sink({{"event", "created"}, {"id", (*created)->id}, {"name", (*created)->spec.name}});
}

void ProjectService::resume() {
  auto rows = state_->context.store.load_documents(Table::Operations);
  if (!rows) return;
  for (const auto& [key, row] : rows->good) {
    std::string kind = string_or(row, "kind");
    int64_t attempts = int_or(row, "attempts");
    if (key.find('/') != std::string::npos || (kind != "up" && kind != "down") || attempts >= 3) {
      (void)state_->context.store.remove(Table::Operations, key);
      continue;
    }
    log_info("project " + key + ": finishing the interrupted " + kind);
    Sink sink = [name = key](const OrderedJson& event) {
      if (event.value("event", "") == "error")
        log_warning("project " + name + ": " + event.value("text", ""));
    };
    Json goal = row.value("goal", Json::object());
    // An operation that brings the engine down each time must not do so for ever.
    goal["attempts"] = attempts + 1;
    (void)state_->context.store.put(Table::Operations, key,
                                    {{"kind", kind}, {"goal", goal}, {"attempts", attempts + 1}});
    if (kind == "up") {
      start(state_->context.io, up(key, goal, sink));
    } else {
      start(state_->context.io, down(key, goal, sink));
    }
  }
}

}  // namespace stack::engine
