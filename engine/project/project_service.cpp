#include "engine/project/project_service.h"

#include "base/log.h"
#include "engine/project/engine_target.h"
#include "engine/project/pull_sizes.h"

namespace stack::engine {

using orchestrator::ExecutionReport;
using orchestrator::Plan;

namespace {

// Limits the attempts of an operation during which the engine dies each time.
constexpr int64_t kResumeAttempts = 3;

std::string joined(const std::vector<orchestrator::Problem>& problems) {
  std::string text;
  for (const orchestrator::Problem& problem : problems) text += (text.empty() ? "" : "\n") + problem.text;
  return text;
}

void tell_plan(const ProjectCommand& command, const Plan& plan) {
  for (const std::string& warning : plan.warnings) command.tell({{"event", "warning"}, {"text", warning}});
  command.tell({{"event", "plan"}, {"actions", orchestrator::plan_json(plan)}});
}

void tell_failure(const ProjectCommand& command, const Plan& plan, const ExecutionReport& report) {
  OrderedJson event = error_event(report.error(plan));
  if (!report.failed.empty()) {
    event["code"] = report.exit_code();
    event["detail"] = report.detail();
  }
  command.tell(std::move(event));
}

void tell_done(const ProjectCommand& command, int changed) {
  command.tell({{"event", "done"}, {"changed", changed}});
}

// Whether the options of the request are in the member "options" (docs/API.md).
bool has_options(const std::string& verb) {
  return verb == "up" || verb == "down" || verb == "build" || verb == "pull" || verb == "run";
}

Json member_or_null(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) ? object[key] : Json();
}

Json resumed(Json options) {
  options["resumed"] = true;
  return options;
}

// If this engine dies, the next one plans these commands again.
bool is_resumed(const std::string& verb) { return verb == "up" || verb == "down"; }

}  // namespace

Task<> ProjectService::perform(std::string name, Json body, CommandPtr command) {
  std::optional<ProjectLocks::Held> lock = co_await locks_.take(name, command);
  if (!lock) co_return;
  co_await perform_locked(name, std::move(body), std::move(command));
  settle_interrupted(name);
}

// A completed command supersedes one that an earlier engine did not finish.
void ProjectService::settle_interrupted(const std::string& name) {
  if (interrupted_.erase(name) == 0) return;
  Result<> removed = parts_.engine.store.remove(Table::Operations, name);
  if (!removed) log_warning("project " + name + ": " + removed.error().text());
}

Task<> ProjectService::perform_locked(std::string name, Json body, CommandPtr command) {
  const std::string& verb = command->verb();
  ProjectPlans plans(parts_, stored_);
  Result<PlannedCommand> planned = co_await plans.make(verb, name, body);
  if (planned && !planned->problems.empty()) planned = invalid(joined(planned->problems));
  if (!planned) {
    command->fail(planned.error());
    co_return;
  }
  tell_plan(*command, *planned->plan);
  bool known = stored_.contains(name);
  Result<> kept = keep(*planned, body, verb);
  if (!kept) {
    command->fail(kept.error());
    co_return;
  }
  std::optional<int> changed = 0;
  if (!planned->plan->empty()) changed = co_await carry_out(planned->plan, body, command);
  if (verb == "down" || (!known && !changed)) forget_if_empty(name);
  if (!changed) co_return;
  co_await parts_.engine.disk_sync.settle();
  if (verb != "run") {
    tell_done(*command, *changed);
  } else {
    co_await create_one_off(std::move(*planned->loaded), std::move(body), command);
  }
}

// If the plan changes nothing, a failure to store the project is ignored.
Result<> ProjectService::keep(const PlannedCommand& planned, const Json& body, const std::string& verb) {
  if (verb != "up" && verb != "run") return {};
  Result<> kept = stored_.keep(planned.loaded->project, body["project"]);
  if (kept || !planned.plan->empty()) return kept;
  log_warning("project " + planned.plan->project + ": " + kept.error().text());
  return {};
}

// Executes a plan and reports its failure. Returns the number of changes; nullopt if it failed.
Task<std::optional<int>> ProjectService::carry_out(std::shared_ptr<const Plan> plan, Json body,
                                                   CommandPtr command) {
  const std::string& verb = command->verb();
  Json options = has_options(verb) ? options_of(body) : body;
  Json build_options = verb == "build" ? options : member_or_null(options, "build_options");
  BuildSettings settings = build_settings_from(build_options);
  if (settings.caller.empty()) settings.caller = string_or(options, "caller");
  EngineTarget target(parts_, command, std::move(settings));
  std::string kind = is_resumed(verb) ? verb : "";
  Json goal = std::move(body);
  if (kind == "up") goal["options"] = resumed(options);
  ProjectJournal journal(parts_.engine.store, plan->project, kind, std::move(goal));
  CommandProgress progress(command);
  ExecutionReport report = co_await orchestrator::execute(plan, target, journal, progress,
                                                          execute_options(options), command->cancellation());
  for (const std::string& warning : report.warnings) command->tell({{"event", "warning"}, {"text", warning}});
  if (report.succeeded()) co_return report.changed;
  if (report.image_failed(*plan)) co_await undo(plan, report, command);
  tell_failure(*command, *plan, report);
  co_return std::nullopt;
}

// Its actions are numbered from 1 again, so clients need the new plan to tell them from those of the first.
Task<> ProjectService::undo(std::shared_ptr<const Plan> plan, ExecutionReport report, CommandPtr command) {
  auto undone = std::make_shared<const Plan>(orchestrator::undo(*plan, report.performed(), report.ids()));
  if (undone->empty()) co_return;
  tell_plan(*command, *undone);
  EngineTarget target(parts_, command, {});
  ProjectJournal journal(parts_.engine.store, plan->project, "", Json());
  CommandProgress progress(command);
  ExecutionReport ignored = co_await orchestrator::execute(undone, target, journal, progress,
                                                           orchestrator::ExecuteOptions(), nullptr);
  static_cast<void>(ignored);
}

Task<> ProjectService::create_one_off(LoadedProject loaded, Json body, CommandPtr command) {
  Result<ContainerSpec> spec =
      orchestrator::one_off(loaded.project, string_or(body, "service"), run_options(options_of(body)));
  if (!spec) {
    command->fail(spec.error());
    co_return;
  }
  Result<ContainerPtr> created = co_await parts_.containers.create(std::move(*spec), {});
  if (!created) {
    command->fail(created.error());
    co_return;
  }
  command->tell({{"event", "created"}, {"id", (*created)->id.text()}, {"name", (*created)->spec.name}});
}

void ProjectService::forget_if_empty(const std::string& name) {
  if (has_anything(parts_, name)) return;
  Result<> forgotten = stored_.forget(name);
  if (!forgotten) log_warning("project " + name + ": " + forgotten.error().text());
}

Task<Result<OrderedJson>> ProjectService::plan(std::string name, Json body) {
  std::string verb = string_or(body, "command", "up");
  ProjectPlans plans(parts_, stored_);
  std::string caller = string_or(options_of(body), "caller");
  Result<PlannedCommand> planned = co_await plans.make(verb, name, std::move(body));
  CO_TRY(planned);
  Plan& plan = *planned->plan;
  for (const orchestrator::Problem& problem : planned->problems) plan.warnings.push_back(problem.text);
  Caller registry_caller = parts_.registries.caller_of(caller);
  co_await add_pull_sizes(plan, parts_.engine, parts_.registries, std::move(registry_caller));
  co_return OrderedJson{{"actions", orchestrator::plan_json(plan)},
                        {"changes", orchestrator::count_changes(plan)},
                        {"text", orchestrator::plan_text(plan)},
                        {"warnings", plan.warnings}};
}

void ProjectService::resume() {
  auto rows = parts_.engine.store.load_documents(Table::Operations);
  if (!rows) {
    log_error("interrupted commands: " + rows.error().text());
    return;
  }
  for (const auto& [project, row] : rows->good) resume_operation(project, row);
  for (const Unreadable& record : rows->unreadable)
    log_warning("project " + record.key + ": its interrupted command cannot be read: " + record.reason);
}

void ProjectService::resume_operation(const std::string& project, const Json& row) {
  Store& store = parts_.engine.store;
  std::string verb = string_or(row, "kind");
  int64_t attempts = int_or(row, "attempts") + 1;
  if (!is_resumed(verb) || attempts > kResumeAttempts) {
    log_warning("project " + project + ": dropping the interrupted " + verb);
    (void)store.remove(Table::Operations, project);
    return;
  }
  log_info("project " + project + ": finishing the interrupted " + verb);
  Json goal = row.value("goal", Json::object());
  goal["attempts"] = attempts;
  (void)store.put(Table::Operations, project, {{"kind", verb}, {"goal", goal}, {"attempts", attempts}});
  interrupted_.insert(project);
  start(parts_.engine.io, perform(project, std::move(goal), own_command(verb, project)));
}

}  // namespace stack::engine
