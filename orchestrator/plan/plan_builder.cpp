#include "orchestrator/plan/plan_builder.h"

#include <algorithm>
#include <queue>

namespace stack::orchestrator {
namespace {

size_t index_of(ActionId id) { return static_cast<size_t>(id - 1); }

// Kahn's algorithm with the smallest provisional ID first. Actions on a cycle (a bug of the caller) come last.
std::vector<ActionId> topological_order(const std::vector<Action>& actions) {
  std::vector<size_t> open_edges(actions.size());
  std::vector<std::vector<ActionId>> dependents(actions.size());
  std::priority_queue<ActionId, std::vector<ActionId>, std::greater<>> ready;
  for (const Action& action : actions) {
    open_edges[index_of(action.id)] = action.after.size();
    for (const Edge& edge : action.after) dependents[index_of(edge.id)].push_back(action.id);
    if (action.after.empty()) ready.push(action.id);
  }
  std::vector<ActionId> order;
  while (!ready.empty()) {
    ActionId id = ready.top();
    ready.pop();
    order.push_back(id);
    for (ActionId dependent : dependents[index_of(id)]) {
      if (--open_edges[index_of(dependent)] == 0) ready.push(dependent);
    }
  }
  for (const Action& action : actions) {
    if (open_edges[index_of(action.id)] != 0) order.push_back(action.id);
  }
  return order;
}

void merge_edges(std::vector<Edge>& edges) {
  std::sort(edges.begin(), edges.end(),
            [](const Edge& a, const Edge& b) { return a.id != b.id ? a.id < b.id : a.soft < b.soft; });
  auto same = [](const Edge& a, const Edge& b) { return a.id == b.id; };
  edges.erase(std::unique(edges.begin(), edges.end(), same), edges.end());
}

void renumber(Action& action, const std::vector<ActionId>& new_ids) {
  action.id = new_ids[index_of(action.id)];
  for (Edge& edge : action.after) edge.id = new_ids[index_of(edge.id)];
  std::erase_if(action.after, [&](const Edge& edge) { return edge.id >= action.id; });
  merge_edges(action.after);
  for (ImageChange& change : action.only_if) change.image = new_ids[index_of(change.image)];
  for (ActionId& id : action.if_failed) id = new_ids[index_of(id)];
  std::sort(action.if_failed.begin(), action.if_failed.end());
  if (action.if_performed != 0) action.if_performed = new_ids[index_of(action.if_performed)];
  std::visit(
      [&](auto& body) {
        if constexpr (requires { body.container.made_by; }) {
          if (body.container.made_by != 0) body.container.made_by = new_ids[index_of(body.container.made_by)];
        }
        if constexpr (requires { body.replicas; }) {
          for (auto& steps : body.replicas) {
            for (ActionId& id : steps) id = new_ids[index_of(id)];
          }
        }
      },
      action.body);
}

}  // namespace

PlanBuilder::PlanBuilder(std::string project) { plan_.project = std::move(project); }

ActionId PlanBuilder::add(const std::string& service, ActionBody body, std::string cause) {
  Action action;
  action.id = static_cast<ActionId>(plan_.actions.size() + 1);
  action.body = std::move(body);
  action.service = service;
  action.cause = std::move(cause);
  plan_.actions.push_back(std::move(action));
  return plan_.actions.back().id;
}

void PlanBuilder::after(ActionId action, ActionId earlier, bool soft) {
  if (action == 0 || earlier == 0 || action == earlier) return;
  (*this)[action].after.push_back({earlier, soft});
}

void PlanBuilder::after(ActionId action, const std::vector<Edge>& earlier) {
  for (const Edge& edge : earlier) after(action, edge.id, edge.soft);
}

void PlanBuilder::only_if_failed(ActionId action, const std::vector<ActionId>& ids) {
  for (ActionId id : ids) {
    if (id == 0) continue;
    (*this)[action].if_failed.push_back(id);
    after(action, id, true);
  }
}

Plan PlanBuilder::finish() && {
  for (Action& action : plan_.actions) merge_edges(action.after);
  std::vector<ActionId> order = topological_order(plan_.actions);
  std::vector<ActionId> new_ids(order.size());
  for (size_t i = 0; i < order.size(); ++i) new_ids[index_of(order[i])] = static_cast<ActionId>(i + 1);
  std::vector<Action> sorted(plan_.actions.size());
  for (Action& action : plan_.actions) {
    renumber(action, new_ids);
    size_t position = index_of(action.id);
    sorted[position] = std::move(action);
  }
  plan_.actions = std::move(sorted);
  return std::move(plan_);
}

ContainerRef ref_to(const ObservedContainer& container) { return {container.id, 0, container.name}; }

StopSteps add_stop(PlanBuilder& plan, const ObservedContainer& container,
                   std::optional<std::chrono::seconds> timeout, const std::string& cause) {
  StopSteps ending;
  if (!container.alive()) return ending;
  if (container.has_pre_stop && container.state == ContainerStatus::Running) {
    ending.hook = plan.add(container.service, RunHook{ref_to(container), HookMoment::PreStop}, cause);
    plan[ending.hook].optional = !plan.keeps_going();
  }
  ending.stop = plan.add(container.service, StopContainer{ref_to(container), timeout}, cause);
  plan.after(ending.stop, ending.hook, true);
  return ending;
}

StopSteps add_stop_before_start(PlanBuilder& plan, const ObservedContainer& container,
                                std::optional<std::chrono::seconds> timeout, const std::string& cause) {
  StopSteps ending = add_stop(plan, container, timeout, cause);
  if (ending.stop != 0) std::get<StopContainer>(plan[ending.stop].body).restarts = true;
  return ending;
}

ActionId add_remove(PlanBuilder& plan, const ObservedContainer& container, const StopSteps& ending,
                    bool volumes, const std::string& cause) {
  ActionId removal = plan.add(container.service, RemoveContainer{ref_to(container), volumes}, cause);
  plan.after(removal, ending.stop);
  return removal;
}

}  // namespace stack::orchestrator
