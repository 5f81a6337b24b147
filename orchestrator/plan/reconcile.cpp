#include "orchestrator/plan/reconcile.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "orchestrator/plan/reconciler.h"

namespace stack::orchestrator {

namespace {

bool must_complete(const DesiredState& desired, const std::string& name) {
  for (const auto& [other, service] : desired.services) {
    auto dependency = service.depends_on.find(name);
    if (dependency == service.depends_on.end()) continue;
    if (dependency->second.condition == compose::DependencyCondition::CompletedSuccessfully) return true;
  }
  return false;
}

bool is_settled(const ObservedContainer& container) {
  bool healthy = container.health == Health::None || container.health == Health::Healthy;
  return container.state == ContainerStatus::Running && healthy;
}

}  // namespace

Plan Reconciler::run() {
  for (const std::string& text : desired_.warnings) plan_.warn(text);
  auto order = desired_.graph.order();
  // desired_state() has rejected cycles.
  if (!order) return std::move(plan_).finish();
  find_changed_networks();
  plan_networks();
  plan_volumes();
  plan_images();
  for (const std::string& name : *order) decide(name);
  for (const std::string& name : *order) act(name);
  if (!options_.prepare.empty()) prepare(options_.prepare);
  if (options_.wait) wait_for_all(*order);
  plan_orphans();
  for (const std::string& name : *order) order_stops(name);
  remove_changed_networks();
  order_names();
  order_ports();
  settle_optional();
  return std::move(plan_).finish();
}

// --- waits, orphans ---

void Reconciler::wait_for_all(const std::vector<std::string>& order) {
  if (options_.no_start) return;
  for (const std::string& name : order) {
    ServicePlan& plan = services_.at(name);
    bool completes = must_complete(desired_, name) || plan.service->job;
    for (Member& member : plan.members) {
      bool untouched = member.started == 0 && !member.replaced.possibly() && member.current;
      if (untouched && (is_settled(*member.current) || !member.current->alive())) continue;
      ActionBody body = WaitRunning{member.container};
      if (plan.service->has_healthcheck) body = WaitHealthy{member.container, true};
      if (completes) body = WaitCompleted{member.container};
      ActionId id = wait_once(name, member, std::move(body), "--wait");
      plan_[id].cause = "--wait";
      plan_.after(id, member.accepted);
    }
  }
}

void Reconciler::plan_orphans() {
  std::vector<std::string> names;
  for (const ObservedContainer& container : observed_.containers) {
    bool unknown = !container.oneoff && !desired_.known_services.count(container.service);
    bool spent = container.oneoff && !container.alive() && container.state != ContainerStatus::Created;
    if (options_.remove_orphans && (unknown || spent)) {
      end(container, unknown ? "orphan: no service " + container.service : "one-off container has exited",
          false);
    } else if (unknown) {
      names.push_back(container.name);
    }
  }
  if (names.empty() || options_.ignore_orphans) return;
  plan_.warn("found orphan containers (" + join(names, ", ") +
             ") of this project; --remove-orphans removes them");
}

// Whether all dependents declare it optional.
bool Reconciler::is_optional(const std::string& name) const {
  bool depended_on = false;
  for (const auto& [other, service] : desired_.services) {
    auto dependency = service.depends_on.find(name);
    if (dependency == service.depends_on.end()) continue;
    if (dependency->second.required) return false;
    depended_on = true;
  }
  return depended_on;
}

// Services needed only by optional dependencies may fail.
void Reconciler::settle_optional() {
  std::set<ActionId> demanded;
  for (const Edge& edge : prepared_) {
    if (!edge.soft) demanded.insert(edge.id);
  }
  for (const auto& [name, plan] : services_) {
    for (const Member& member : plan.members) {
      if (member.start == 0) continue;
      for (const Edge& edge : plan_[member.start].after) {
        if (!edge.soft) demanded.insert(edge.id);
      }
    }
  }
  for (const auto& [key, id] : waits_) {
    if (plan_[id].cause != "--wait" && !demanded.count(id)) plan_[id].optional = true;
  }
  for (const auto& [name, plan] : services_) {
    if (options_.wait || !is_optional(name)) continue;
    for (const Member& member : plan.members) {
      for (ActionId id : {member.start, member.started}) {
        if (id != 0) plan_[id].optional = true;
      }
    }
  }
}

Plan reconcile(const DesiredState& desired, const ObservedState& observed, const ReconcileOptions& options) {
  return Reconciler(desired, observed, options).run();
}

}  // namespace stack::orchestrator
