#include "orchestrator/targets/kubernetes/api/cluster_plan.h"

#include <algorithm>

#include "base/text.h"
#include "http/wire/query.h"

namespace stack::targets::kubernetes {

namespace {

constexpr int kInvalidStatus = 422;

std::string label_of(const Json& object, std::string_view label) {
  const Json metadata = object.value("metadata", Json::object());
  return string_or(metadata.value("labels", Json::object()), label);
}

// Whether the server refuses to change the object in place, so that it must be created again.
bool is_immutable(const ApiFailure& failure) {
  return failure.status == kInvalidStatus &&
         (failure.message.find("immutable") != std::string::npos ||
          failure.message.find("updates to statefulset spec for fields other than") != std::string::npos);
}

// Claims hold data, so they are never created again.
bool can_be_replaced(const std::string& kind) { return kind != "PersistentVolumeClaim"; }

struct Planner {
  const Resources& resources;
  const std::string& project;
  const PlaceFinder& place;
  ClusterPlan plan;
  std::vector<std::string> problems;

  void refuse(const KubeObject& object, const std::string& message) {
    problems.push_back(object_label(object, place) + ": " + message);
  }

  // An error only if the server cannot be asked at all.
  Result<> add(const KubeObject& object) {
    ApiResult<std::optional<Json>> live = resources.find(object.kind, object.name);
    if (!live) return to_error(live.error(), resources.connection().access()).in(object_label(object, place));
    if (*live) {
      std::string owner = label_of(**live, kProjectLabel);
      if (owner != project) {
        refuse(object,
               owner.empty()
                   ? "exists already and is not managed by stack; rename it, or use another --namespace"
                   : "belongs to the project " + owner + "; use another --namespace");
        return {};
      }
    }
    ApiResult<Json> result = resources.apply(object, true);
    if (!result) return settle_failure(object, live->has_value(), result.error());
    PlannedStep step{Step::Create, object, "no such object", {}};
    if (*live) {
      step.changes = object_changes(**live, *result);
      step.step = step.changes.empty() ? Step::Keep : Step::Change;
      step.cause = step.changes.empty() ? "" : changed_text(step.changes);
    }
    plan.steps.push_back(std::move(step));
    return {};
  }

  Result<> settle_failure(const KubeObject& object, bool exists, const ApiFailure& failure) {
    constexpr int kUnauthorized = 401;
    if (failure.lost() || failure.status == kUnauthorized)
      return to_error(failure, resources.connection().access()).in(object_label(object, place));
    if (exists && is_immutable(failure) && can_be_replaced(object.kind)) {
      plan.steps.push_back({Step::Replace, object, "cannot be changed in place", {}});
    } else {
      refuse(object, failure.message);
    }
    return {};
  }
};

// Without the right to read namespaces, the first object tells.
Result<> require_namespace(const Resources& resources) {
  const Access& access = resources.connection().access();
  ApiResult<Json> answer = resources.connection().call(
      {.path = "/api/v1/namespaces/" + http::percent_encode(resources.name_space())});
  if (answer) return {};
  constexpr int kNotFound = 404, kForbidden = 403;
  if (answer.error().status == kNotFound)
    return not_found("namespace " + resources.name_space() + " does not exist in context " + access.context +
                     "; create it, or choose another one with --namespace");
  if (answer.error().status == kForbidden) return {};
  return to_error(answer.error(), access);
}

void add_removals(ClusterPlan& plan, const std::vector<ObjectName>& wanted) {
  for (const std::string& kind : project_kinds()) {
    if (kind == "PersistentVolumeClaim") continue;  // data is removed only by `down -v`
    for (const ObjectName& object : plan.inventory.objects) {
      if (object.kind != kind || std::find(wanted.begin(), wanted.end(), object) != wanted.end()) continue;
      plan.steps.push_back(
          {Step::Remove, {"", object.kind, object.name, "", "", {}}, "not in the files", {}});
    }
  }
}

}  // namespace

size_t ClusterPlan::changes() const {
  return static_cast<size_t>(std::count_if(steps.begin(), steps.end(),
                                           [](const PlannedStep& step) { return step.step != Step::Keep; }));
}

std::string object_label(const KubeObject& object, const PlaceFinder& place) {
  std::string at = place && !object.pointer.empty() ? place(object.pointer) : "";
  std::string text = at.empty() ? "" : at + ": ";
  if (!object.service.empty()) text += "service " + object.service + ": ";
  return text + object.kind + " " + object.name;
}

Result<ClusterPlan> plan_deployment(const Resources& resources, const std::string& project,
                                    const Conversion& conversion, const PlaceFinder& place) {
  TRY(require_namespace(resources));
  Planner planner{resources, project, place, {}, {}};
  ApiResult<Inventory> inventory = read_inventory(resources, project);
  if (!inventory) return to_error(inventory.error(), resources.connection().access());
  planner.plan.inventory = std::move(*inventory);
  std::vector<ObjectName> wanted;
  for (const KubeObject& object : conversion.objects) {
    TRY(planner.add(object));
    wanted.push_back({object.kind, object.name});
  }
  for (const Gate& gate : conversion.gates) wanted.push_back({gate.object.kind, gate.object.name});
  if (!planner.problems.empty()) return invalid(join(planner.problems, "\n"));
  add_removals(planner.plan, wanted);
  return std::move(planner.plan);
}

Result<ClusterPlan> plan_removal(const Resources& resources, const std::string& project, bool volumes) {
  ClusterPlan plan;
  for (const std::string& kind : project_kinds()) {
    if (kind == "PersistentVolumeClaim" && !volumes) continue;
    ApiResult<std::vector<Json>> objects = resources.list(kind, project);
    if (!objects)
      return to_error(objects.error(), resources.connection().access()).in("list objects of kind " + kind);
    for (const Json& object : *objects) {
      std::string name = string_or(object.value("metadata", Json::object()), "name");
      if (kind == "Secret" && name == inventory_name(project))
        continue;  // the last one: removed by the caller
      plan.steps.push_back(
          {Step::Remove, {"", kind, name, label_of(object, kServiceLabel), "", {}}, "down", {}});
    }
  }
  return plan;
}

OrderedJson plan_json(const ClusterPlan& plan, const std::string& project) {
  std::vector<PlanRow> rows;
  for (const PlannedStep& step : plan.steps)
    rows.push_back({step.step, step.object.kind + " " + step.object.name, step.object.service, step.cause,
                    step.changes});
  return targets::plan_json(rows, project);
}

}  // namespace stack::targets::kubernetes
