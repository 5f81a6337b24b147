#include "orchestrator/targets/swarm/api/swarm_plan.h"

#include <algorithm>

#include "base/text.h"
#include "orchestrator/targets/swarm/api/node_choice.h"
#include "orchestrator/targets/swarm/api/service_changes.h"
#include "orchestrator/targets/swarm/api/service_state.h"

namespace stack::targets::swarm {

namespace {

Json plain(const OrderedJson& body) {
  return Json::parse(body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
}

const Json& spec_of(const LiveObject& object) {
  static const Json null;
  auto found = object.body.find("Spec");
  return found == object.body.end() ? null : *found;
}

std::string update_state(const LiveObject& object) {
  auto found = object.body.find("UpdateStatus");
  return found == object.body.end() ? "" : string_or(*found, "State");
}

int64_t force_counter(const LiveObject& object) {
  const Json& spec = spec_of(object);
  return spec.is_object() && spec.contains("TaskTemplate") ? int_or(spec["TaskTemplate"], "ForceUpdate") : 0;
}

struct Planner {
  DockerConnection& docker;
  const LiveProject& live;
  const std::vector<Json>& tasks;
  const std::string& project;
  const PlaceFinder& place;
  SwarmPlan plan;
  std::set<std::string> replaced_networks = {};
  std::vector<std::string> problems = {};

  // An object that exists, but is not the project's.
  Result<> refuse_foreign(const SwarmObject& object) {
    TRY_ASSIGN(std::optional<LiveObject> other, find_object(docker, object.kind, object.name));
    if (!other) return {};
    std::string owner = label_of(other->body, object.kind, kNamespaceLabel);
    problems.push_back(object_label(object, place) + ": the " + std::string(to_text(object.kind)) + " " +
                       object.name + " exists already and " +
                       (owner.empty() ? "is not managed by stack" : "belongs to the project " + owner));
    return {};
  }

  Result<> add(const SwarmObject& object) {
    const LiveObject* existing = live.find(object.kind, object.name);
    if (existing == nullptr) {
      TRY(refuse_foreign(object));
      plan.steps.push_back({Step::Create, object, "", 0, 0, "no such " + std::string(to_text(object.kind))});
      return {};
    }
    PlannedStep step{Step::Keep, object, existing->id, existing->version, 0, ""};
    if (object.kind == ObjectKind::Network) decide_network(step, *existing);
    if (object.kind == ObjectKind::Service) decide_service(step, *existing);
    plan.steps.push_back(std::move(step));
    return {};
  }

  void decide_network(PlannedStep& step, const LiveObject& existing) {
    std::string wanted = step.object.body["Labels"].value(std::string(kHashLabel), "");
    std::string have = label_of(existing.body, ObjectKind::Network, kHashLabel);
    // Without the label, it comes from `docker stack deploy`: only what matters is compared.
    bool differs =
        have.empty() ? bool_or(existing.body, "Internal") != step.object.body["Internal"].get<bool>() ||
                           string_or(existing.body, "Driver") != step.object.body["Driver"].get<std::string>()
                     : have != wanted;
    if (!differs) return;
    step.step = Step::Replace;
    step.cause = "a network cannot be changed in place";
    replaced_networks.insert(step.object.name);
  }

  void decide_service(PlannedStep& step, const LiveObject& existing) {
    Json wanted = plain(step.object.body);
    step.changes = service_changes(spec_of(existing), wanted, live.network_names);
    step.forced = force_counter(existing);
    if (!step.changes.empty()) {
      step.step = Step::Change;
      step.cause = changed_text(step.changes);
    }
    if (changes_mode(spec_of(existing), wanted)) {
      step.step = Step::Replace;
      step.cause = "cannot be changed in place: Mode";
    } else if (uses_replaced_network(wanted)) {
      step.step = Step::Replace;
      step.cause = "its network is replaced";
    } else if (step.step == Step::Keep) {
      repeat_failed(step, existing);
    }
    if (step.step == Step::Replace) step.changes.clear();
  }

  bool uses_replaced_network(const Json& wanted) const {
    auto networks = wanted["TaskTemplate"].find("Networks");
    if (networks == wanted["TaskTemplate"].end()) return false;
    return std::any_of(networks->begin(), networks->end(), [&](const Json& network) {
      return replaced_networks.contains(string_or(network, "Target"));
    });
  }

  // The same service again, because it has not succeeded: also one that the swarm starts again and again, so that new
  // credentials for its registry reach it.
  void repeat_failed(PlannedStep& step, const LiveObject& existing) {
    bool paused = update_state(existing) == "paused" || update_state(existing) == "rollback_paused";
    std::vector<Json> own;
    std::copy_if(tasks.begin(), tasks.end(), std::back_inserter(own),
                 [&](const Json& task) { return string_or(task, "ServiceID") == existing.id; });
    ServiceState state = judge_service(existing.body, own, false);
    bool never_runs = state.problem && !state.task.empty();
    bool failed = state.phase == Phase::Failed || never_runs;
    if (!paused && !failed) return;
    step.step = Step::Change;
    step.cause = paused ? "the last update is paused" : "failed last time";
    ++step.forced;
  }

  void add_removals(const Conversion& conversion) {
    for (ObjectKind kind : {ObjectKind::Service, ObjectKind::Config, ObjectKind::Secret, ObjectKind::Network})
      for (const LiveObject& object : live.objects) {
        bool wanted = std::any_of(
            conversion.objects.begin(), conversion.objects.end(),
            [&](const SwarmObject& one) { return one.kind == object.kind && one.name == object.name; });
        if (object.kind != kind || wanted) continue;
        SwarmObject removed{kind, object.name, label_of(object.body, kind, kServiceLabel), "", {}};
        plan.steps.push_back({Step::Remove, std::move(removed), object.id, 0, 0, "not in the files"});
      }
  }

  Result<> require_external(const Conversion& conversion) {
    for (const auto& [kind, name] : conversion.external) {
      TRY_ASSIGN(std::optional<LiveObject> found, find_object(docker, kind, name));
      if (!found)
        problems.push_back("the external " + std::string(to_text(kind)) + " " + name +
                           " does not exist in the swarm");
    }
    return {};
  }
};

}  // namespace

size_t SwarmPlan::changes() const {
  return static_cast<size_t>(std::count_if(steps.begin(), steps.end(),
                                           [](const PlannedStep& step) { return step.step != Step::Keep; }));
}

std::string object_label(const SwarmObject& object, const PlaceFinder& place) {
  std::string at = place && !object.pointer.empty() ? place(object.pointer) : "";
  std::string text = at.empty() ? "" : at + ": ";
  return text + (object.service.empty() ? std::string(to_text(object.kind)) + " " + object.name
                                        : "service " + object.service);
}

Result<SwarmPlan> plan_deployment(DockerConnection& docker, const LiveProject& live,
                                  const std::vector<Json>& tasks, const std::string& project,
                                  const Conversion& conversion, const PlaceFinder& place) {
  Planner planner{docker, live, tasks, project, place, {}};
  for (const SwarmObject& object : conversion.objects) TRY(planner.add(object));
  TRY(planner.require_external(conversion));
  if (!planner.problems.empty()) return conflict(join(planner.problems, "\n"));
  planner.add_removals(conversion);
  return std::move(planner.plan);
}

SwarmPlan plan_removal(const LiveProject& live, bool volumes) {
  SwarmPlan plan;
  for (ObjectKind kind : {ObjectKind::Service, ObjectKind::Config, ObjectKind::Secret, ObjectKind::Network})
    for (const LiveObject& object : live.objects) {
      if (object.kind != kind) continue;
      if (!volumes && !label_of(object.body, kind, kVolumesLabel).empty()) continue;
      plan.steps.push_back({Step::Remove,
                            {kind, object.name, label_of(object.body, kind, kServiceLabel), "", {}},
                            object.id,
                            0,
                            0,
                            "down"});
    }
  return plan;
}

OrderedJson plan_json(const SwarmPlan& plan, const std::string& project) {
  std::vector<PlanRow> rows;
  for (const PlannedStep& step : plan.steps)
    rows.push_back({step.step, std::string(to_text(step.object.kind)) + " " + step.object.name,
                    step.object.service, step.cause, step.changes});
  return targets::plan_json(rows, project, plan.warnings);
}

}  // namespace stack::targets::swarm
