// Decides what happens to each replica, and why.
#include "orchestrator/plan/reconciler.h"

#include <algorithm>
#include <set>

#include "orchestrator/plan/recreate_cause.h"

namespace stack::orchestrator {
// --- decisions ---

// A service follows the services whose namespaces or volumes it uses.
Condition Reconciler::shared_disturbance(const DesiredService& service) const {
  Condition result;
  for (const std::string& name : service.shares_with) {
    auto other = services_.find(name);
    if (other == services_.end()) continue;
    for (const Member& member : other->second.members) {
      result.add(member.replaced);
      if (member.fate == MemberDecision::Create) result.surely = true;
    }
  }
  return result;
}

// Dependencies with `restart: true` that are replaced or restarted.
Condition Reconciler::restart_demanded(const DesiredService& service) const {
  Condition result;
  for (const auto& [name, dependency] : service.depends_on) {
    auto other = services_.find(name);
    if (dependency.restart && other != services_.end()) result.add(other->second.disturbed);
  }
  return result;
}

bool Reconciler::uses_changed_network(const DesiredService& service) const {
  return std::any_of(
      service.base.endpoints.begin(), service.base.endpoints.end(),
      [&](const EndpointSpec& endpoint) { return changed_networks_.count(endpoint.network) != 0; });
}

// Why the container is replaced regardless of its image.
std::optional<std::string> Reconciler::sure_cause(const DesiredService& service,
                                                  const ObservedContainer& container) const {
  if (options_.no_recreate) return std::nullopt;
  bool forced = service.selected ? options_.force_recreate || options_.renew_anon_volumes
                                 : options_.always_recreate_deps;
  if (forced) return "forced";
  for (const EndpointSpec& endpoint : service.base.endpoints) {
    if (changed_networks_.count(endpoint.network)) return "network " + endpoint.network + " changed";
  }
  auto cause = recreate_cause(service, container, observed_);
  // An image that this plan builds or pulls is compared after that.
  if (cause && images_.count(service.image) && cause->starts_with("image ")) return std::nullopt;
  return cause;
}

void Reconciler::decide_member(const DesiredService& service, const Replica& replica, Member& member) {
  member.current = replica.current;
  Condition shared = shared_disturbance(service);
  auto cause = sure_cause(service, *replica.current);
  bool never = options_.no_recreate;
  if (!cause && !never && shared.surely) cause = "service " + service.shares_with.front() + " is recreated";
  if (cause) {
    member.fate = MemberDecision::Replace;
    member.cause = *cause;
    member.replaced.surely = true;
    return;
  }
  member.fate = MemberDecision::Keep;
  if (never) return;
  auto image = images_.find(service.image);
  if (image != images_.end())
    member.replaced.if_changed.push_back({image->second, replica.current->image_id});
  member.replaced.add(shared);
  if (!member.replaced.possibly()) return;
  member.fate = MemberDecision::Replace;
  member.cause = "if image " + service.image + " changes";
  if (image == images_.end()) member.cause = "if service " + service.shares_with.front() + " is recreated";
}

// Uses the lowest free numbers, so that a lost replica gets its old name.
void Reconciler::fill_up(ServicePlan& plan) const {
  std::set<int> taken;
  for (const Member& member : plan.members) taken.insert(member.number);
  auto wanted = static_cast<size_t>(plan.service->replicas);
  for (int number = 1; plan.members.size() < wanted; ++number) {
    if (taken.count(number)) continue;
    Member member;
    member.number = number;
    member.cause = "no container";
    plan.members.push_back(std::move(member));
  }
  std::sort(plan.members.begin(), plan.members.end(),
            [](const Member& a, const Member& b) { return a.number < b.number; });
}

// Removes containers that would be replaced first, then the highest numbers.
void Reconciler::drop_surplus(ServicePlan& plan) const {
  auto wanted = static_cast<size_t>(plan.service->replicas);
  std::stable_sort(plan.members.begin(), plan.members.end(), [](const Member& a, const Member& b) {
    bool a_kept = !a.replaced.surely;
    bool b_kept = !b.replaced.surely;
    return a_kept != b_kept ? a_kept : a.number < b.number;
  });
  while (plan.members.size() > wanted) {
    const Member& last = plan.members.back();
    plan.surplus.push_back(last.current);
    if (last.replacement) plan.leftovers.push_back(last.replacement);
    plan.members.pop_back();
  }
}

void Reconciler::decide(const std::string& name) {
  const DesiredService& service = desired_.services.at(name);
  ServicePlan plan;
  plan.service = &service;
  if (name == options_.prepare) {
    services_.emplace(name, std::move(plan));
    return;
  }
  ReplicaMatch match = match_replicas(service, observed_);
  plan.leftovers = match.leftovers;
  for (const Replica& replica : match.replicas) {
    Member member;
    member.number = replica.number;
    decide_member(service, replica, member);
    bool finish = replica.replacement && member.replaced.surely && member.cause != "forced" &&
                  !uses_changed_network(service) && !sure_cause(service, *replica.replacement);
    if (finish) {
      member.fate = MemberDecision::Finish;
      member.replacement = replica.replacement;
    } else if (replica.replacement) {
      plan.leftovers.push_back(replica.replacement);
    }
    plan.members.push_back(std::move(member));
  }
  drop_surplus(plan);
  fill_up(plan);
  Condition restart = restart_demanded(service);
  for (Member& member : plan.members) {
    member.name = container_name(desired_, service, member.number);
    if (!member.replaced.surely && member.current && member.current->alive()) member.restarted = restart;
    plan.disturbed.add(member.replaced);
    plan.disturbed.add(member.restarted);
  }
  services_.emplace(name, std::move(plan));
}

}  // namespace stack::orchestrator
