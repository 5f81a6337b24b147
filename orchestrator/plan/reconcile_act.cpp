// Turns decisions into actions and their order.
#include "orchestrator/plan/reconciler.h"

#include <algorithm>

#include "model/labels.h"
#include "orchestrator/plan/pre_start.h"

namespace stack::orchestrator {
namespace {

bool overlap(const PortSpec& wanted, const PortSpec& held) {
  if (wanted.protocol != held.protocol || wanted.host_port == 0 || held.host_port == 0) return false;
  uint16_t last = std::max(wanted.host_port, wanted.host_port_end);
  return held.host_port >= wanted.host_port && held.host_port <= last;
}

bool wants_a_port_of(const DesiredService& service, const ObservedContainer& holder) {
  for (const PortSpec& wanted : service.base.ports) {
    for (const PortSpec& held : holder.ports) {
      if (overlap(wanted, held)) return true;
    }
  }
  return false;
}

}  // namespace

// --- actions ---

// Whether the container stops before its dependency instead of as late as possible: for dependencies with `restart:
// true`, and for networks that are recreated.
bool Reconciler::stops_early(const ServicePlan& plan, const Member& member) const {
  return restart_demanded(*plan.service).possibly() || uses_changed_network(*plan.service) ||
         yields_port(plan, *member.current);
}

bool Reconciler::yields_port(const ServicePlan& plan, const ObservedContainer& holder) const {
  if (holder.ports.empty()) return false;
  return std::any_of(services_.begin(), services_.end(), [&](const auto& other) {
    return other.second.service != plan.service && wants_a_port_of(*other.second.service, holder);
  });
}

// A container that takes over a host port starts after the holder stops.
void Reconciler::order_ports() {
  for (const auto& [container, ending] : endings_) {
    if (container->ports.empty()) continue;
    for (const auto& [name, plan] : services_) {
      bool in_its_own_order = plan.in_batches && container->service == name;
      if (in_its_own_order || !wants_a_port_of(*plan.service, *container)) continue;
      for (const Member& member : plan.members) {
        if (member.current != container) plan_.after(member.start, ending.stop);
      }
    }
  }
}

// A container that takes over a name is created after the holder's removal.
void Reconciler::order_names() {
  for (const auto& [name, plan] : services_) {
    for (const Member& member : plan.members) {
      if (member.create != 0) {
        auto holder = removals_.find(std::get<CreateContainer>(plan_[member.create].body).spec.name);
        if (holder != removals_.end()) plan_.after(member.create, holder->second);
      }
      auto holder = removals_.find(member.name);
      if (holder != removals_.end()) plan_.after(member.named, holder->second);
    }
  }
}

// Updates "container:shop-db-1" if the first container of service db has another number or name now.
void Reconciler::rewire_references(ContainerSpec& spec) const {
  auto rewire = [&](std::string& reference, std::string_view prefix) {
    for (const auto& [name, plan] : services_) {
      if (plan.members.empty()) continue;
      std::string usual(prefix);
      usual += container_name(desired_, *plan.service, 1);
      if (reference != usual && !reference.starts_with(usual + ":")) continue;
      reference = std::string(prefix) + plan.members.front().name + reference.substr(usual.size());
      return;
    }
  };
  for (std::string* mode :
       {&spec.network_mode, &spec.ipc_mode, &spec.pid_mode, &spec.uts_mode, &spec.cgroup_mode}) {
    if (mode->starts_with("container:")) rewire(*mode, "container:");
  }
  for (std::string& from : spec.volumes_from) rewire(from, "");
  for (std::string& link : spec.links) rewire(link, "");
}

ActionId Reconciler::add_create(const ServicePlan& plan, Member& member) {
  const DesiredService& service = *plan.service;
  CreateContainer body;
  body.spec = container_spec_of(desired_, service, member.number);
  rewire_references(body.spec);
  body.final_name = member.name;
  body.config_hash = service.config_hash;
  body.config_text = service.config_text;
  if (member.current) {
    body.replaces = member.current->id;
    body.spec.name = temporary_name(member.current->id, member.name);
    body.spec.labels[label::kReplace] = member.current->id.text();
    body.inherit_anonymous_volumes = !options_.renew_anon_volumes;
  }
  ActionId id = plan_.add(service.name, std::move(body), member.cause);
  if (member.current && member.cause.starts_with("config changed"))
    plan_[id].changes = changed_fields(member.current->config_text, service.config_text);
  auto image = images_.find(service.image);
  if (image != images_.end()) plan_.after(id, image->second);
  for (const EndpointSpec& endpoint : service.base.endpoints) {
    auto network = networks_.find(endpoint.network);
    if (network != networks_.end()) plan_.after(id, network->second);
  }
  for (const MountSpec& mount : service.base.mounts) {
    auto volume = volumes_.find(mount.source);
    if (mount.kind == MountKind::Volume && volume != volumes_.end()) plan_.after(id, volume->second);
    auto mounted = images_.find(mount.source);
    if (mount.kind == MountKind::Image && mounted != images_.end()) plan_.after(id, mounted->second);
  }
  for (const std::string& name : service.shares_with) {
    auto other = services_.find(name);
    if (other != services_.end() && !other->second.members.empty())
      plan_.after(id, other->second.members.front().named);
  }
  return id;
}

ActionId Reconciler::wait_once(const std::string& service, const Member& member, ActionBody body,
                               const std::string& cause) {
  Action probe;
  probe.body = body;
  std::string key = std::string(kind_of(probe)) + " " + member.name;
  ActionId& id = waits_[key];
  if (id != 0) return id;
  id = plan_.add(service, std::move(body), cause);
  plan_.after(id, member.started);
  return id;
}

// The action that a dependent of this container must wait for; 0 if the condition already holds.
ActionId Reconciler::gate(const std::string& dependency, Member& member,
                          compose::DependencyCondition condition) {
  const ObservedContainer* now =
      member.started == 0 && !member.replaced.possibly() ? member.current : nullptr;
  switch (condition) {
    case compose::DependencyCondition::Started:
      return member.started;
    case compose::DependencyCondition::Healthy:
      if (now && now->state == ContainerStatus::Running && now->health == Health::Healthy) return 0;
      return wait_once(dependency, member, WaitHealthy{member.container}, "");
    case compose::DependencyCondition::CompletedSuccessfully:
      if (now && now->state == ContainerStatus::Exited && now->exit_code == 0) return 0;
      return wait_once(dependency, member, WaitCompleted{member.container}, "");
  }
  return 0;
}

std::vector<Edge> Reconciler::gates(const DesiredService& service) {
  std::vector<Edge> edges;
  for (const auto& [name, dependency] : service.depends_on) {
    auto other = services_.find(name);
    if (other == services_.end()) continue;
    for (Member& member : other->second.members) {
      ActionId id = gate(name, member, dependency.condition);
      if (id == 0) continue;
      edges.push_back({id, !dependency.required});
      if (is_wait(plan_[id]) && plan_[id].cause.empty()) plan_[id].cause = "for " + service.name;
    }
  }
  return edges;
}

void Reconciler::add_start(const ServicePlan& plan, Member& member, const std::string& cause,
                           std::vector<ImageChange> only_if, int sequence) {
  if (options_.no_start) return;
  member.start = plan_.add(plan.service->name, StartContainer{member.container}, cause);
  plan_[member.start].only_if = only_if;
  plan_[member.start].sequence = sequence;
  plan_.after(member.start, member.named);
  member.started = member.start;
  std::vector<Edge> conditions = gates(*plan.service);
  plan_.after(member.start, conditions);
  if (plan.service->base.post_start.empty()) return;
  member.started = plan_.add(plan.service->name, RunHook{member.container, HookMoment::PostStart}, "");
  plan_[member.started].only_if = std::move(only_if);
  plan_[member.started].sequence = sequence;
  plan_.after(member.started, member.start);
}

void Reconciler::create(const ServicePlan& plan, Member& member) {
  member.create = member.named = add_create(plan, member);
  member.container = {{}, member.create, member.name};
  add_start(plan, member, "", {}, 0);
}

// Stop and remove the old container, rename the new one, start it: one sequence, completed once started.
void Reconciler::swap(const ServicePlan& plan, Member& member, ContainerRef incoming) {
  const std::vector<ImageChange> only_if = member.replaced.condition();
  Condition stopped = member.replaced;
  stopped.add(member.restarted);
  const int sequence = plan_.new_sequence();
  member.ending = add_stop(plan_, *member.current, options_.timeout, "being replaced");
  ActionId removal = add_remove(plan_, *member.current, member.ending, false, "replaced");
  plan_.after(removal, member.create);
  member.named =
      plan_.add(plan.service->name, RenameContainer{incoming, member.name}, "replaces the old container");
  plan_.after(member.named, removal);
  put_into_sequence({member.ending.hook, member.ending.stop}, stopped.condition(), sequence);
  put_into_sequence({removal, member.named}, only_if, sequence);
  endings_[member.current] = member.ending;
  removals_[member.current->name] = removal;
  if (incoming.made_by != 0) incoming.id = member.current->id;
  member.container = incoming;
  // A running container that is not replaced after all needs no start.
  add_start(plan, member, "", member.current->alive() ? stopped.condition() : std::vector<ImageChange>{},
            sequence);
  order_stop(plan, member);
}

// The old container runs until the new one and its requirements exist, unless others wait for the old one to stop.
void Reconciler::order_stop(const ServicePlan& plan, Member& member) {
  bool early = stops_early(plan, member);
  // These cannot be created before the old containers of several services are removed.
  bool made_late = uses_changed_network(*plan.service) || !plan.service->shares_with.empty();
  if (!early || !made_late) plan_.after(member.ending.first(), member.create);
  if (!early && member.start != 0) plan_.after(member.ending.first(), gates(*plan.service));
}

void Reconciler::put_into_sequence(std::initializer_list<ActionId> ids,
                                   const std::vector<ImageChange>& only_if, int sequence) {
  for (ActionId id : ids) {
    if (id == 0) continue;
    plan_[id].only_if = only_if;
    plan_[id].sequence = sequence;
  }
}

void Reconciler::replace(const ServicePlan& plan, Member& member) {
  member.create = add_create(plan, member);
  plan_[member.create].only_if = member.replaced.condition();
  swap(plan, member, {{}, member.create, member.name});
}

void Reconciler::finish_replacement(const ServicePlan& plan, Member& member) {
  member.cause = "resuming an interrupted replacement";
  swap(plan, member, {member.replacement->id, 0, member.name});
  plan_[member.named].cause = member.cause;
}

bool Reconciler::runs_throughout(const Member& member) const {
  return member.fate == MemberDecision::Keep && member.current->alive() && !member.restarted.possibly();
}

// The service starts only if one of these holds; empty = always.
std::vector<ImageChange> Reconciler::start_condition(const ServicePlan& plan) const {
  std::vector<ImageChange> changes;
  for (const Member& member : plan.members) {
    if (member.start == 0) continue;
    const std::vector<ImageChange>& only_if = plan_[member.start].only_if;
    if (only_if.empty()) return {};
    changes.insert(changes.end(), only_if.begin(), only_if.end());
  }
  return changes;
}

// Once per service, before its first container starts; not if one of its containers keeps running.
void Reconciler::add_pre_start_hooks(ServicePlan& plan) {
  bool runs = std::any_of(plan.members.begin(), plan.members.end(),
                          [this](const Member& member) { return runs_throughout(member); });
  auto first = std::find_if(plan.members.begin(), plan.members.end(),
                            [](const Member& member) { return member.start != 0; });
  if (runs || first == plan.members.end()) return;
  std::vector<Edge> earlier = gates(*plan.service);
  if (first->create != 0) earlier.push_back({first->create, false});
  // During an update in batches, other containers keep running; new containers still start after the hooks.
  for (const Member& member : plan.members) {
    if (!plan.in_batches && member.ending.stop != 0) earlier.push_back({member.ending.stop, false});
  }
  std::vector<ActionId> hooks = orchestrator::add_pre_start(plan_, *plan.service, first->container, earlier);
  std::vector<ImageChange> only_if = start_condition(plan);
  for (ActionId id : hooks) {
    plan_[id].only_if = only_if;
    auto image = images_.find(std::get<RunPreStart>(plan_[id].body).spec.image);
    if (image != images_.end()) plan_.after(id, image->second);
  }
  for (const Member& member : plan.members) {
    if (hooks.empty()) continue;
    plan_.after(member.start, hooks.back());
    if (plan.in_batches) plan_.after(member.ending.first(), hooks.back());
  }
}

std::string Reconciler::start_cause(const Member& member) const {
  const ObservedContainer& now = *member.current;
  switch (now.state) {
    case ContainerStatus::Running:
    case ContainerStatus::Restarting:
    case ContainerStatus::Removing:
    case ContainerStatus::Dead:
      return "";
    case ContainerStatus::Paused:
      return "paused";
    case ContainerStatus::Created:
      return "created, not started";
    case ContainerStatus::Exited:
      break;
  }
  const RestartSpec& restart = services_.at(now.service).service->base.restart;
  bool one_shot = restart.name == "no" || restart.name == "on-failure";
  bool job = services_.at(now.service).service->job;
  if (now.exit_code == 0 && (job || (one_shot && !options_.rerun_completed))) return "";
  return "exited (" + std::to_string(now.exit_code) + ")";
}

void Reconciler::keep(const ServicePlan& plan, Member& member) {
  member.container = {member.current->id, 0, member.name};
  if (member.current->name != member.name) {
    std::string cause =
        is_temporary_name(member.current->name) ? "resuming an interrupted replacement" : "renamed";
    member.named = plan_.add(plan.service->name, RenameContainer{member.container, member.name}, cause);
  }
  if (!member.restarted.possibly() || options_.no_start) {
    std::string cause = start_cause(member);
    if (!cause.empty()) add_start(plan, member, cause, {}, 0);
    return;
  }
  int sequence = plan_.new_sequence();
  member.ending =
      add_stop_before_start(plan_, *member.current, options_.timeout, "restarts with its dependency");
  put_into_sequence({member.ending.hook, member.ending.stop}, member.restarted.condition(), sequence);
  endings_[member.current] = member.ending;
  add_start(plan, member, "restarts with its dependency", member.restarted.condition(), sequence);
  plan_.after(member.start, member.ending.stop);
}

void Reconciler::end(const ObservedContainer& container, const std::string& cause, bool volumes) {
  StopSteps ending = add_stop(plan_, container, options_.timeout, cause);
  endings_[&container] = ending;
  removals_[container.name] = add_remove(plan_, container, ending, volumes, cause);
}

void Reconciler::act(const std::string& name) {
  ServicePlan& plan = services_.at(name);
  for (const ObservedContainer* leftover : plan.leftovers)
    end(*leftover, "left over from an interrupted replacement", true);
  for (const ObservedContainer* surplus : plan.surplus) {
    end(*surplus, "scaled down to " + std::to_string(plan.service->replicas), false);
  }
  plan.in_batches = updates_in_batches(plan);
  if (plan.in_batches) update(plan);
  for (Member& member : plan.members) {
    bool updated = member.fate == MemberDecision::Replace || member.fate == MemberDecision::Finish;
    if (plan.in_batches && updated) continue;
    switch (member.fate) {
      case MemberDecision::Keep:
        keep(plan, member);
        break;
      case MemberDecision::Create:
        create(plan, member);
        break;
      case MemberDecision::Replace:
        replace(plan, member);
        break;
      case MemberDecision::Finish:
        finish_replacement(plan, member);
        break;
    }
  }
  if (!plan.service->pre_start.empty()) add_pre_start_hooks(plan);
}

void Reconciler::prepare(const std::string& name) {
  auto plan = services_.find(name);
  if (plan != services_.end() && !options_.no_start) prepared_ = gates(*plan->second.service);
}

// Dependents that restart with a dependency stop before it.
void Reconciler::order_stops(const std::string& name) {
  const ServicePlan& plan = services_.at(name);
  for (const auto& [other_name, dependency] : plan.service->depends_on) {
    auto other = services_.find(other_name);
    if (!dependency.restart || other == services_.end()) continue;
    for (const Member& theirs : other->second.members) {
      for (const Member& ours : plan.members) plan_.after(theirs.ending.first(), ours.ending.stop);
    }
  }
}

}  // namespace stack::orchestrator
