#include "engine/project/project_plans.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <map>

#include "base/units.h"
#include "orchestrator/plan/donors.h"

namespace stack::engine {

using orchestrator::DesiredState;
using orchestrator::ObservedState;
using orchestrator::Plan;

namespace {

PlannedCommand planned(Plan plan, std::optional<LoadedProject> loaded) {
  return {std::make_shared<Plan>(std::move(plan)), std::move(loaded), {}};
}

const DesiredState* desired_of(const std::optional<LoadedProject>& loaded) {
  return loaded ? &loaded->desired : nullptr;
}

}  // namespace

Task<Result<PlannedCommand>> ProjectPlans::make(std::string verb, std::string name, Json body) const {
  if (verb == "up") {
    Result<PlannedCommand> plan = co_await up(std::move(name), std::move(body));
    co_return plan;
  }
  if (verb == "run") {
    Result<PlannedCommand> plan = co_await run(std::move(name), std::move(body));
    co_return plan;
  }
  if (verb == "build") {
    Result<PlannedCommand> plan = co_await build(std::move(name), std::move(body));
    co_return plan;
  }
  if (verb == "pull") co_return pull(name, body);
  if (verb == "down") co_return down(name, body);
  co_return operation(verb, name, body);
}

namespace {

// A warning if less than 5 % of the disk is free; "" otherwise.
std::string low_disk_note(const std::string& root) {
  struct statvfs space{};
  if (::statvfs(root.c_str(), &space) != 0 || space.f_blocks == 0) return "";
  constexpr unsigned kLeastPercent = 5;
  if (space.f_bavail * 100 >= space.f_blocks * kLeastPercent) return "";
  ByteSize left{static_cast<int64_t>(space.f_bavail * space.f_frsize)};
  return "only " + human_size(left) + " (" + std::to_string(space.f_bavail * 100 / space.f_blocks) +
         " %) free on the disk of " + root + "; `stack system df` shows what can be removed";
}

}  // namespace

Task<Result<PlannedCommand>> ProjectPlans::up(std::string name, Json body) const {
  Json options = options_of(body);
  Result<LoadedProject> loaded = load_project(name, body, desired_options(options));
  CO_TRY(loaded);
  Result<> identity = check_identity(parts_, stored_, loaded->project);
  CO_TRY(identity);
  ObservedState observed = observe(parts_, name, &loaded->desired);
  // An engine that resumes a command starts as much as it can.
  if (!bool_or(options, "resumed")) {
    Result<> donors = orchestrator::check_donors(loaded->project, loaded->desired, observed);
    CO_TRY(donors);
  }
  observed = co_await observe_builds(parts_, loaded->desired, std::move(observed));
  Plan plan = orchestrator::reconcile(loaded->desired, observed, reconcile_options(options));
  std::vector<orchestrator::Problem> problems = preflight(parts_, *loaded, plan, observed);
  if (std::string note = low_disk_note(parts_.engine.paths.root); !note.empty())
    plan.warnings.push_back(std::move(note));
  PlannedCommand result = planned(std::move(plan), std::move(*loaded));
  result.problems = std::move(problems);
  co_return result;
}

// `run` starts dependencies, but does not end those that were scaled up.
void keep_scale(orchestrator::DesiredState& desired, const ObservedState& observed) {
  for (const orchestrator::ObservedContainer& container : observed.containers) {
    auto service = desired.services.find(container.service);
    if (service != desired.services.end() && !container.oneoff)
      service->second.replicas = std::max(service->second.replicas, container.number);
  }
}

// Plans everything that the one-off container needs; the container itself is created after the plan.
Task<Result<PlannedCommand>> ProjectPlans::run(std::string name, Json body) const {
  std::string service = string_or(body, "service");
  Json options = options_of(body);
  orchestrator::DesiredOptions desired;
  desired.services = {service};
  desired.no_deps = bool_or(options, "no_deps");
  Result<LoadedProject> loaded = load_project(name, body, desired);
  CO_TRY(loaded);
  Result<> identity = check_identity(parts_, stored_, loaded->project);
  CO_TRY(identity);
  Result<ContainerSpec> one_off = orchestrator::one_off(loaded->project, service, run_options(options));
  CO_TRY(one_off);
  orchestrator::ReconcileOptions prepare;
  prepare.prepare = service;
  prepare.build = bool_or(options, "build");
  prepare.pull = string_or(options, "pull");
  prepare.ignore_orphans = true;
  prepare.rerun_completed = false;
  ObservedState observed = observe(parts_, name, &loaded->desired);
  keep_scale(loaded->desired, observed);
  observed = co_await observe_builds(parts_, loaded->desired, std::move(observed));
  Plan plan = orchestrator::reconcile(loaded->desired, observed, prepare);
  co_return planned(std::move(plan), std::move(*loaded));
}

Task<Result<PlannedCommand>> ProjectPlans::build(std::string name, Json body) const {
  orchestrator::DesiredOptions desired;
  desired.services = strings_of(body, "services");
  desired.no_deps = !bool_or(options_of(body), "with_dependencies");
  Result<LoadedProject> loaded = load_project(name, body, desired);
  CO_TRY(loaded);
  ObservedState observed = observe(parts_, name, &loaded->desired);
  observed = co_await observe_builds(parts_, loaded->desired, std::move(observed));
  Plan plan = orchestrator::plan_build(loaded->desired, observed);
  co_return planned(std::move(plan), std::move(*loaded));
}

Result<PlannedCommand> ProjectPlans::pull(const std::string& name, const Json& body) const {
  Json options = options_of(body);
  TRY_ASSIGN(LoadedProject loaded, load_project(name, body, desired_options(options)));
  Plan plan =
      orchestrator::plan_pull(loaded.desired, observe(parts_, name, &loaded.desired), pull_options(options));
  return planned(std::move(plan), std::move(loaded));
}

std::optional<LoadedProject> ProjectPlans::known_project(const std::string& name, const Json& body) const {
  Json request = Json::object();
  if (body.is_object() && body.contains("project")) request["project"] = body["project"];
  if (!request.value("project", Json()).is_object()) {
    std::optional<StoredProject> stored = stored_.find(name);
    if (!stored) return std::nullopt;
    request["project"] = stored->project;
  }
  Result<LoadedProject> loaded = load_project(name, request, orchestrator::DesiredOptions());
  if (!loaded) return std::nullopt;
  return std::move(*loaded);
}

Result<PlannedCommand> ProjectPlans::down(const std::string& name, const Json& body) const {
  std::optional<LoadedProject> known = known_project(name, body);
  if (known) TRY(check_identity(parts_, stored_, known->project));
  const DesiredState* desired = desired_of(known);
  Plan plan =
      orchestrator::plan_down(desired, observe(parts_, name, desired), down_options(options_of(body)));
  return planned(std::move(plan), std::move(known));
}

Result<PlannedCommand> ProjectPlans::operation(const std::string& verb, const std::string& name,
                                               const Json& body) const {
  using Planner =
      Result<Plan> (*)(const DesiredState*, const ObservedState&, const orchestrator::OperationOptions&);
  static const std::map<std::string, Planner> kPlanners{
      {"start", orchestrator::plan_start},     {"stop", orchestrator::plan_stop},
      {"restart", orchestrator::plan_restart}, {"kill", orchestrator::plan_kill},
      {"rm", orchestrator::plan_rm},           {"pause", orchestrator::plan_pause},
      {"unpause", orchestrator::plan_unpause},
  };
  auto planner = kPlanners.find(verb);
  if (planner == kPlanners.end()) return invalid("unknown project command \"" + verb + "\"");
  std::optional<LoadedProject> known = known_project(name, body);
  const DesiredState* desired = desired_of(known);
  ObservedState observed = observe(parts_, name, desired);
  orchestrator::OperationOptions options = operation_options(body);
  std::vector<std::string> only = strings_of(body, "containers");
  if (!only.empty()) keep_only(observed, options.services, only);
  TRY_ASSIGN(Plan plan, planner->second(desired, observed, options));
  plan.keep_going = plan.keep_going || bool_or(body, "keep_going");
  return planned(std::move(plan), std::move(known));
}

}  // namespace stack::engine
