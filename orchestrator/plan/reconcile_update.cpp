// Services with deploy.update_config: replicas are replaced in batches. Each new container must be accepted before the
// old one is removed; otherwise the replacement is rolled back.
//
// One replica, stop-first:  create, stop old, start, wait-accepted, remove old, rename
//              start-first: create, start, wait-accepted, stop old, remove old, rename
// After each batch a check-update decides whether to continue. A replica that is not accepted gets its old container
// back, regardless of failure_action. `rollback` also restores the accepted replicas, so their old containers are kept
// until the last check.
#include <algorithm>

#include "orchestrator/plan/reconciler.h"

namespace stack::orchestrator {
namespace {

size_t batch_size(const UpdatePolicy& policy, size_t members) {
  return policy.parallelism == 0 ? std::max<size_t>(members, 1) : policy.parallelism;
}

const char* consequence(UpdateFailure failure) {
  switch (failure) {
    case UpdateFailure::Pause:
      return "a failure stops the update";
    case UpdateFailure::Continue:
      return "continues after failures";
    case UpdateFailure::Rollback:
      return "a failure rolls the update back";
  }
  return "";
}

bool is_fixed(const PortSpec& port, size_t at_once) {
  if (port.host_port == 0) return false;
  if (port.host_port_end == 0) return true;
  return static_cast<size_t>(port.host_port_end - port.host_port) + 1 < at_once;
}

// A reference to the new container, valid before it is created.
ContainerRef incoming_of(const Member& member) {
  if (member.replacement) return {member.replacement->id, 0, member.name};
  return {{}, member.create, member.name};
}

}  // namespace

std::vector<Member*> Reconciler::members_to_update(ServicePlan& plan) const {
  std::vector<Member*> members;
  for (Member& member : plan.members) {
    if (member.fate == MemberDecision::Replace || member.fate == MemberDecision::Finish)
      members.push_back(&member);
  }
  return members;
}

bool Reconciler::updates_in_batches(ServicePlan& plan) {
  const DesiredService& service = *plan.service;
  if (!service.update || options_.no_start) return false;
  std::vector<Member*> members = members_to_update(plan);
  // If nothing runs, no batches are needed.
  bool alive = std::any_of(members.begin(), members.end(),
                           [](const Member* member) { return member->current->alive(); });
  if (!alive) return false;
  bool restarts = std::any_of(members.begin(), members.end(),
                              [](const Member* member) { return member->restarted.possibly(); });
  const char* obstacle = !service.shares_with.empty() ? "it shares namespaces or volumes with another service"
                         : uses_changed_network(service) ? "one of its networks is recreated"
                         : restarts                      ? "it restarts with its dependency"
                                                         : nullptr;
  if (obstacle)
    plan_.warn("service " + service.name + ": update_config is ignored for this change, because " + obstacle);
  return obstacle == nullptr;
}

// A resource that the old and the new container cannot hold at the same time.
std::optional<std::string> Reconciler::clash_of(const ServicePlan& plan) const {
  const DesiredService& service = *plan.service;
  size_t replicas = static_cast<size_t>(service.replicas);
  size_t at_once = replicas + std::min(batch_size(*service.update, replicas), replicas);
  for (const PortSpec& port : service.base.ports) {
    if (is_fixed(port, at_once)) return "host port " + std::to_string(port.host_port);
  }
  for (const EndpointSpec& endpoint : service.base.endpoints) {
    if (endpoint.ipv4_address) return "address " + endpoint.ipv4_address->text();
    if (endpoint.ipv6_address) return "address " + endpoint.ipv6_address->text();
    if (endpoint.mac_address) return "address " + endpoint.mac_address->text();
  }
  return std::nullopt;
}

void Reconciler::update(ServicePlan& plan) {
  const DesiredService& service = *plan.service;
  std::vector<Member*> members = members_to_update(plan);
  Update update;
  update.policy = &*service.update;
  update.order = service.update->order;
  update.keep_old = service.update->on_failure == UpdateFailure::Rollback;
  update.total = static_cast<int>(members.size());
  const size_t size = batch_size(*service.update, members.size());
  update.batches = (members.size() + size - 1) / size;
  if (update.keep_old) update.sequence = plan_.new_sequence();
  if (auto clash = clash_of(plan); clash && update.order == UpdateOrder::StartFirst) {
    plan_.warn(
        "service " + service.name + ": cannot use update order start-first, because " + *clash +
        " cannot be held by the old and the new container at the same time; stopping the old one first");
    update.order = UpdateOrder::StopFirst;
  }
  std::vector<ImageChange> only_if = members.front()->replaced.condition();
  for (size_t i = 0; i < members.size(); ++i) {
    update_member(plan, update, *members[i]);
    if ((i + 1) % size == 0 || i + 1 == members.size()) close_batch(plan, update, only_if);
  }
  if (!update.keep_old) return;
  for (Member* member : members) retire(plan, *member, update.checks.back());
  add_rollback(plan, update, members);
}

void Reconciler::update_member(const ServicePlan& plan, Update& update, Member& member) {
  const std::vector<ImageChange> only_if = member.replaced.condition();
  const int sequence = update.keep_old ? update.sequence : plan_.new_sequence();
  if (member.fate == MemberDecision::Finish) {
    member.cause = "resuming an interrupted replacement";
  } else {
    member.create = member.named = add_create(plan, member);
    plan_[member.create].only_if = only_if;
    plan_.after(member.create, update.previous);
  }
  member.container = incoming_of(member);
  if (member.create != 0) member.container.id = member.current->id;
  add_start(plan, member, member.fate == MemberDecision::Finish ? member.cause : "", only_if, sequence);
  plan_.after(member.start, update.previous);
  member.ending = add_stop(plan_, *member.current, options_.timeout, "being replaced");
  member.accepted = plan_.add(plan.service->name, WaitAccepted{member.container, update.policy->monitor},
                              update.order == UpdateOrder::StartFirst ? "before stopping the old container"
                                                                      : "before the next replica");
  plan_.after(member.accepted, member.started);
  if (update.order == UpdateOrder::StartFirst) {
    plan_.after(member.ending.first(), member.accepted);
  } else {
    order_stop(plan, member);
    plan_.after(member.ending.first(), update.previous);
    plan_.after(member.start, member.ending.stop);
  }
  put_into_sequence({member.ending.hook, member.ending.stop, member.accepted}, only_if, sequence);
  endings_[member.current] = member.ending;
  UpdateSteps steps;
  for (ActionId id : {member.ending.stop, member.start, member.started, member.accepted}) {
    if (id == 0 || std::find(steps.begin(), steps.end(), id) != steps.end()) continue;
    plan_[id].judged = true;
    steps.push_back(id);
  }
  take_back_if_not_accepted(plan, update, member, steps);
  update.steps.push_back(std::move(steps));
  if (!update.keep_old) retire(plan, member, member.accepted);
}

ActionId Reconciler::contingent(const ServicePlan& plan, ActionBody body, const std::string& cause,
                                const std::vector<ActionId>& if_failed, ActionId if_performed) {
  ActionId id = plan_.add(plan.service->name, std::move(body), cause);
  plan_.only_if_failed(id, if_failed);
  plan_[id].if_performed = if_performed;
  plan_.after(id, if_performed, true);
  plan_[id].optional = true;
  return id;
}

// Removes the new container and restores the old one.
void Reconciler::take_back_if_not_accepted(const ServicePlan& plan, const Update& update,
                                           const Member& member, const UpdateSteps& steps) {
  ActionId gone =
      contingent(plan, RemoveContainer{incoming_of(member), true}, "not accepted", steps, member.create);
  // An interrupted update may already have stopped it.
  bool ran = member.current->alive() || member.fate == MemberDecision::Finish;
  if (update.order == UpdateOrder::StartFirst || !ran) return;
  ActionId back = contingent(plan, StartContainer{ref_to(*member.current)}, "restored", steps, 0);
  plan_.after(back, gone, true);
  if (plan.service->base.post_start.empty()) return;
  ActionId hook =
      contingent(plan, RunHook{ref_to(*member.current), HookMoment::PostStart}, "restored", steps, 0);
  plan_.after(hook, back);
}

CheckUpdate Reconciler::check_of(const ServicePlan& plan, const Update& update, bool rollback) const {
  const UpdatePolicy& policy = *update.policy;
  return {
      plan.service->name,       update.steps, update.total, update.batch, update.batches, policy.on_failure,
      policy.max_failure_ratio, rollback};
}

void Reconciler::close_batch(const ServicePlan& plan, Update& update,
                             const std::vector<ImageChange>& only_if) {
  const UpdatePolicy& policy = *update.policy;
  ++update.batch;
  std::string cause = "batch " + std::to_string(update.batch) + " of " + std::to_string(update.batches) +
                      "; " + consequence(policy.on_failure);
  ActionId check = plan_.add(plan.service->name, check_of(plan, update, false), cause);
  plan_.after(check, update.previous);
  for (const UpdateSteps& steps : update.steps) {
    for (ActionId step : steps) plan_.after(check, step, true);
  }
  put_into_sequence({check}, only_if, update.sequence);
  update.checks.push_back(check);
  update.previous = check;
  if (update.batch == update.batches || policy.delay == Nanoseconds::zero()) return;
  update.previous =
      plan_.add(plan.service->name, WaitDelay{plan.service->name, policy.delay}, go_duration(policy.delay));
  plan_.after(update.previous, check);
  put_into_sequence({update.previous}, only_if, update.sequence);
}

// Removes the old container and gives its name to the new one.
void Reconciler::retire(const ServicePlan& plan, Member& member, ActionId after) {
  ActionId removal = add_remove(plan_, *member.current, member.ending, false, "replaced");
  plan_.after(removal, member.accepted);
  plan_.after(removal, after);
  member.named = plan_.add(plan.service->name, RenameContainer{member.container, member.name},
                           member.replacement ? member.cause : "replaces the old container");
  plan_.after(member.named, removal);
  put_into_sequence({removal, member.named}, member.replaced.condition(), plan_[member.accepted].sequence);
  removals_[member.current->name] = removal;
}

// Replaces accepted containers with their old ones, in separate batches.
void Reconciler::add_rollback(const ServicePlan& plan, const Update& forward,
                              const std::vector<Member*>& members) {
  const UpdatePolicy& policy = plan.service->rollback;
  Update back;
  back.policy = &policy;
  back.order = clash_of(plan) ? UpdateOrder::StopFirst : policy.order;
  back.total = forward.total;
  back.checks = forward.checks;
  const size_t size = batch_size(policy, members.size());
  back.batches = (members.size() + size - 1) / size;
  for (size_t i = 0; i < members.size(); ++i) {
    roll_back_member(plan, back, *members[i]);
    if ((i + 1) % size == 0 || i + 1 == members.size()) close_rollback_batch(plan, back);
  }
}

void Reconciler::roll_back_member(const ServicePlan& plan, Update& back, const Member& member) {
  const ContainerRef incoming = incoming_of(member);
  const ContainerRef old = ref_to(*member.current);
  auto step = [&](ActionBody body, ActionId earlier) {
    ActionId id = contingent(plan, std::move(body), "rollback", back.checks, member.accepted);
    plan_.after(id, back.previous);
    plan_.after(id, earlier);
    return id;
  };
  auto stop = [&](ActionId earlier) {
    if (!plan.service->base.pre_stop.empty()) {
      ActionId hook = step(RunHook{incoming, HookMoment::PreStop}, earlier);
      earlier = step(StopContainer{incoming, options_.timeout}, 0);
      plan_.after(earlier, hook, true);
      return earlier;
    }
    return step(StopContainer{incoming, options_.timeout}, earlier);
  };
  const bool stop_first = back.order == UpdateOrder::StopFirst;
  UpdateSteps steps;
  if (stop_first) steps.push_back(stop(0));
  steps.push_back(step(StartContainer{old}, steps.empty() ? 0 : steps.back()));
  if (!plan.service->base.post_start.empty())
    steps.push_back(step(RunHook{old, HookMoment::PostStart}, steps.back()));
  steps.push_back(step(WaitAccepted{old, back.policy->monitor}, steps.back()));
  for (ActionId id : steps) plan_[id].judged = true;
  step(RemoveContainer{incoming, true}, stop_first ? steps.back() : stop(steps.back()));
  back.steps.push_back(std::move(steps));
}

void Reconciler::close_rollback_batch(const ServicePlan& plan, Update& back) {
  const UpdatePolicy& policy = *back.policy;
  ++back.batch;
  ActionId check = contingent(plan, check_of(plan, back, true), "rollback", back.checks, 0);
  plan_.after(check, back.previous);
  for (const UpdateSteps& steps : back.steps) {
    for (ActionId step : steps) plan_.after(check, step, true);
  }
  back.previous = check;
  if (back.batch == back.batches || policy.delay == Nanoseconds::zero()) return;
  back.previous = contingent(plan, WaitDelay{plan.service->name, policy.delay}, go_duration(policy.delay),
                             back.checks, 0);
  plan_.after(back.previous, check);
}

}  // namespace stack::orchestrator
