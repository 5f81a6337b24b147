#include "orchestrator/plan/operations.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/text.h"
#include "model/labels.h"
#include "orchestrator/plan/image_builds.h"
#include "orchestrator/plan/plan_builder.h"
#include "orchestrator/plan/pre_start.h"

namespace stack::orchestrator {
namespace {

using Containers = std::vector<const ObservedContainer*>;

bool is_default_image(const std::string& reference, const std::string& project, const std::string& service) {
  return reference == project + "-" + service || reference == project + "_" + service;
}

std::string label_of(const std::map<std::string, std::string>& labels, const char* name) {
  auto at = labels.find(name);
  return at == labels.end() ? "" : at->second;
}

// The dependencies in the desired state, and in labels for services that it lacks.
ServiceGraph known_graph(const DesiredState* desired, const ObservedState& observed) {
  ServiceGraph graph;
  for (const ObservedContainer& container : observed.containers) {
    graph.add(container.service, parse_depends_on_label(label_of(container.labels, label::kDependsOn)));
  }
  if (!desired) return graph;
  for (const std::string& name : desired->graph.services())
    graph.add(name, desired->graph.dependencies(name));
  return graph;
}

std::vector<std::string> order_of(const ServiceGraph& graph) {
  auto order = graph.order();
  // Labels of containers created at different times may contradict each other; then any order is acceptable.
  return order ? *std::move(order) : graph.services();
}

Result<> check_services(const DesiredState* desired, const ServiceGraph& graph,
                        const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (graph.contains(name) || (desired && desired->known_services.count(name))) continue;
    std::string near = nearest(name, graph.services());
    return invalid("no such service: " + name + (near.empty() ? "" : " (did you mean \"" + near + "\"?)"));
  }
  return {};
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The containers of the services; one-off containers only on request; empty `services` = all.
Containers containers_of(const ObservedState& observed, const std::vector<std::string>& services,
                         bool oneoffs) {
  Containers found;
  for (const ObservedContainer& container : observed.containers) {
    if (container.oneoff && !oneoffs) continue;
    if (services.empty() || contains(services, container.service)) found.push_back(&container);
  }
  std::sort(found.begin(), found.end(), [](const ObservedContainer* a, const ObservedContainer* b) {
    if (a->service != b->service) return a->service < b->service;
    return a->number != b->number ? a->number < b->number : a->name < b->name;
  });
  return found;
}

// --- stop ---

using StopStepsByService = std::map<std::string, std::vector<StopSteps>>;  // by service

// A service stops after its dependents, or after their dependents if these have nothing to stop.
void order_endings(PlanBuilder& plan, const ServiceGraph& graph, const StopStepsByService& endings) {
  std::function<void(const StopSteps&, const std::string&, std::set<std::string>&)> stop_after_dependents =
      [&](const StopSteps& ending, const std::string& service, std::set<std::string>& seen) {
        for (const std::string& dependent : graph.dependents(service)) {
          if (!seen.insert(dependent).second) continue;
          auto theirs = endings.find(dependent);
          if (theirs == endings.end()) {
            stop_after_dependents(ending, dependent, seen);
            continue;
          }
          for (const StopSteps& earlier : theirs->second) plan.after(ending.first(), earlier.stop, true);
        }
      };
  for (const auto& [service, list] : endings) {
    for (const StopSteps& ending : list) {
      std::set<std::string> seen{service};
      stop_after_dependents(ending, service, seen);
    }
  }
}

StopSteps stop_one(PlanBuilder& plan, const ObservedContainer& container,
                   std::optional<std::chrono::seconds> timeout, StopStepsByService& endings) {
  StopSteps ending = add_stop(plan, container, timeout, "");
  // One-off containers are not dependencies.
  if (ending.stop != 0 && !container.oneoff) endings[container.service].push_back(ending);
  return ending;
}

// --- down ---

class Teardown {
 public:
  Teardown(const DesiredState* desired, const ObservedState& observed, const DownOptions& options)
      : desired_(desired),
        observed_(observed),
        options_(options),
        plan_(desired ? desired->project : observed.project),
        graph_(known_graph(desired, observed)) {}

  Plan run() {
    plan_.keep_going();
    select();
    for (const ObservedContainer* container : gone_) remove_container(*container);
    order_endings(plan_, graph_, endings_);
    remove_networks();
    if (options_.volumes) remove_volumes();
    if (!options_.rmi.empty()) remove_images();
    return std::move(plan_).finish();
  }

 private:
  void select() {
    std::vector<std::string> services;
    for (const std::string& name : options_.services) {
      if (!graph_.contains(name)) plan_.warn("no such service: " + name);
    }
    if (!options_.services.empty()) services = graph_.with_dependents(options_.services);
    if (!options_.services.empty() && services.empty()) return;
    std::vector<std::string> orphans;
    for (const ObservedContainer* container : containers_of(observed_, services, true)) {
      bool orphan = desired_ && !container->oneoff && !desired_->known_services.count(container->service);
      if (orphan && !options_.remove_orphans) {
        orphans.push_back(container->name);
      } else {
        gone_.push_back(container);
      }
    }
    if (!orphans.empty()) {
      plan_.warn("found orphan containers (" + join(orphans, ", ") +
                 ") of this project; --remove-orphans removes them");
    }
  }

  void remove_container(const ObservedContainer& container) {
    StopSteps ending = stop_one(plan_, container, options_.timeout, endings_);
    ActionId removal = plan_.add(container.service, RemoveContainer{ref_to(container), options_.volumes}, "");
    // The removal kills a container that could not be stopped.
    plan_.after(removal, ending.stop, true);
    removals_[&container] = removal;
  }

  // The removals of the containers selected by `uses`, or nullopt and a warning if one of them stays.
  std::optional<std::vector<ActionId>> removals_of_users(
      const std::string& what, const std::function<bool(const ObservedContainer&)>& uses) {
    std::vector<ActionId> removals;
    for (const ObservedContainer& container : observed_.containers) {
      if (!uses(container)) continue;
      auto removal = removals_.find(&container);
      if (removal == removals_.end()) {
        if (options_.services.empty())
          plan_.warn(what + " is kept: container " + container.name + " uses it");
        return std::nullopt;
      }
      removals.push_back(removal->second);
    }
    // If services are named, only resources that they alone used are removed.
    if (removals.empty() && !options_.services.empty()) return std::nullopt;
    return removals;
  }

  void add_after(ActionBody body, const std::vector<ActionId>& removals, bool optional = false) {
    ActionId id = plan_.add("", std::move(body), "");
    plan_[id].optional = optional;
    for (ActionId removal : removals) plan_.after(id, removal);
  }

  bool is_ours(const std::map<std::string, std::string>& labels) const {
    return label_of(labels, label::kProject) == (desired_ ? desired_->project : observed_.project);
  }

  void remove_networks() {
    for (const ObservedNetwork& network : observed_.networks) {
      if (!is_ours(network.labels)) continue;
      auto removals = removals_of_users("network " + network.name, [&](const ObservedContainer& container) {
        return container.networks.count(network.name) != 0;
      });
      if (removals) add_after(RemoveNetwork{network.id, network.name}, *removals);
    }
  }

  void remove_volumes() {
    for (const ObservedVolume& volume : observed_.volumes) {
      if (!is_ours(volume.labels)) continue;
      auto removals = removals_of_users("volume " + volume.name, [&](const ObservedContainer& container) {
        return container.volumes.count(volume.name) != 0;
      });
      if (removals) add_after(RemoveVolume{volume.name}, *removals);
    }
  }

  // reference -> whether it was built under the service's default name.
  std::map<std::string, bool> images_of_services() const {
    const std::string& project = desired_ ? desired_->project : observed_.project;
    std::map<std::string, bool> images;
    for (const ObservedContainer* container : gone_) {
      images[container->image] |= is_default_image(container->image, project, container->service);
    }
    if (!desired_ || !options_.services.empty()) return images;
    for (const auto& [reference, image] : desired_->images) {
      bool own = image.build && is_default_image(reference, project, image.services.front());
      images[reference] |= own;
    }
    return images;
  }

  void remove_images() {
    for (const auto& [reference, own] : images_of_services()) {
      if (!observed_.images.count(reference) || (options_.rmi == "local" && !own)) continue;
      auto removals = removals_of_users(
          "image " + reference,
          [&, name = reference](const ObservedContainer& container) { return container.image == name; });
      // Other containers may use it, so a failure is only a warning.
      if (removals) add_after(RemoveImage{reference}, *removals, true);
    }
  }

  const DesiredState* desired_;
  const ObservedState& observed_;
  const DownOptions& options_;
  PlanBuilder plan_;
  ServiceGraph graph_;
  Containers gone_;
  StopStepsByService endings_;
  std::map<const ObservedContainer*, ActionId> removals_;
};

// --- start ---

class Starter {
 public:
  Starter(PlanBuilder& plan, const ServiceGraph& graph, const ObservedState& observed)
      : plan_(plan), graph_(graph), observed_(observed) {}

  // Starts after the conditions of the dependencies hold. `stopped` = the preceding stop, or 0.
  void start(const ObservedContainer& container, const std::string& cause, ActionId stopped,
             bool conditions) {
    ActionId id = plan_.add(container.service, StartContainer{ref_to(container)}, cause);
    plan_.after(id, stopped);
    for (const auto& [name, dependency] : graph_.dependencies(container.service)) {
      for (const ObservedContainer* other : containers_of(observed_, {name}, false)) {
        auto condition = conditions ? dependency.condition : compose::DependencyCondition::Started;
        plan_.after(id, gate(*other, condition), !dependency.required);
      }
    }
    starts_[&container] = id;
  }

  // Adds pre_start hooks if none of the service's containers runs.
  void add_hooks(const DesiredService& service, const Containers& containers) {
    bool runs = std::any_of(containers.begin(), containers.end(),
                            [](const ObservedContainer* container) { return container->alive(); });
    if (runs || containers.empty()) return;
    std::vector<Edge> earlier = plan_[start_of(*containers.front())].after;
    std::vector<ActionId> hooks = add_pre_start(plan_, service, ref_to(*containers.front()), earlier);
    if (hooks.empty()) return;
    for (const ObservedContainer* container : containers) plan_.after(start_of(*container), hooks.back());
  }

  void wait(const ObservedContainer& container) {
    auto start = starts_.find(&container);
    bool settled = start == starts_.end() && container.health != Health::Starting;
    if (settled) return;
    ActionId id = plan_.add(container.service, WaitRunning{ref_to(container)}, "--wait");
    plan_.after(id, start_of(container));
  }

  ActionId start_of(const ObservedContainer& container) const {
    auto at = starts_.find(&container);
    return at == starts_.end() ? 0 : at->second;
  }

 private:
  ActionId gate(const ObservedContainer& container, compose::DependencyCondition condition) {
    ActionId start = start_of(container);
    switch (condition) {
      case compose::DependencyCondition::Started:
        return start;
      case compose::DependencyCondition::Healthy:
        if (start == 0 && container.health == Health::Healthy) return 0;
        return wait_once(container, WaitHealthy{ref_to(container)});
      case compose::DependencyCondition::CompletedSuccessfully:
        if (start == 0 && container.state == ContainerStatus::Exited && container.exit_code == 0) return 0;
        return wait_once(container, WaitCompleted{ref_to(container)});
    }
    return 0;
  }

  ActionId wait_once(const ObservedContainer& container, ActionBody body) {
    ActionId& id = waits_[{&container, body.index()}];
    if (id == 0) {
      id = plan_.add(container.service, std::move(body), "");
      plan_.after(id, start_of(container));
    }
    return id;
  }

  PlanBuilder& plan_;
  const ServiceGraph& graph_;
  const ObservedState& observed_;
  std::map<const ObservedContainer*, ActionId> starts_;
  std::map<std::pair<const ObservedContainer*, size_t>, ActionId> waits_;
};

std::string idle_cause(const ObservedContainer& container) {
  if (container.state != ContainerStatus::Exited) return std::string(to_text(container.state));
  return "exited (" + std::to_string(container.exit_code) + ")";
}

bool needs_start(const ObservedContainer& container) {
  return container.state != ContainerStatus::Running && container.state != ContainerStatus::Restarting &&
         container.state != ContainerStatus::Removing;
}

// The named services, and the dependents that restart with them.
std::vector<std::string> with_restarting_dependents(const ServiceGraph& graph,
                                                    std::vector<std::string> services) {
  for (size_t i = 0; i < services.size(); ++i) {
    const std::string service = services[i];
    for (const std::string& dependent : graph.dependents(service)) {
      bool restarts = graph.dependencies(dependent).at(service).restart;
      if (restarts && !contains(services, dependent)) services.push_back(dependent);
    }
  }
  return services;
}

class Restarter {
 public:
  Restarter(const ServiceGraph& graph, const ObservedState& observed, const OperationOptions& options)
      : graph_(graph),
        observed_(observed),
        options_(options),
        plan_(observed.project),
        starter_(plan_, graph, observed) {}

  Plan run(const std::vector<std::string>& services) {
    for (const std::string& service : order_of(graph_)) {
      if (contains(services, service)) restart(service);
    }
    for (const auto& [container, ending] : endings_) order_stop(*container, ending);
    return std::move(plan_).finish();
  }

 private:
  void restart(const std::string& service) {
    for (const ObservedContainer* container : containers_of(observed_, {service}, false)) {
      StopSteps ending = add_stop_before_start(plan_, *container, options_.timeout, "restart");
      endings_[container] = ending;
      starter_.start(*container, ending.stop == 0 ? idle_cause(*container) : "restart", ending.stop, false);
      int sequence = plan_.new_sequence();
      for (ActionId id : {ending.hook, ending.stop, starter_.start_of(*container)}) {
        if (id != 0) plan_[id].sequence = sequence;
      }
    }
  }

  // Dependents that restart with a dependency stop before it; the others stop after it is back.
  void order_stop(const ObservedContainer& container, const StopSteps& ending) {
    const auto& dependencies = graph_.dependencies(container.service);
    bool any = std::any_of(dependencies.begin(), dependencies.end(),
                           [](const auto& each) { return each.second.restart; });
    for (const auto& [other, theirs] : endings_) {
      auto dependency = dependencies.find(other->service);
      if (dependency == dependencies.end()) continue;
      if (dependency->second.restart) plan_.after(theirs.first(), ending.stop);
      if (!any) plan_.after(ending.first(), starter_.start_of(*other));
    }
  }

  const ServiceGraph& graph_;
  const ObservedState& observed_;
  const OperationOptions& options_;
  PlanBuilder plan_;
  Starter starter_;
  std::map<const ObservedContainer*, StopSteps> endings_;
};

// A plan with one independent action for each container selected by `wanted`.
template <typename Body>
Result<Plan> plan_each(const DesiredState* desired, const ObservedState& observed,
                       const OperationOptions& options, bool oneoffs,
                       const std::function<bool(const ObservedContainer&)>& wanted,
                       const std::function<Body(const ObservedContainer&)>& body) {
  TRY(check_services(desired, known_graph(desired, observed), options.services));
  PlanBuilder plan(observed.project);
  plan.keep_going();
  for (const ObservedContainer* container : containers_of(observed, options.services, oneoffs)) {
    if (wanted(*container)) plan.add(container->service, body(*container), "");
  }
  return std::move(plan).finish();
}

}  // namespace

Plan plan_build(const DesiredState& desired, const ObservedState& observed) {
  PlanBuilder plan(desired.project);
  std::map<std::string, ActionId> images;
  for (const auto& [reference, image] : desired.images) {
    if (image.build) images[reference] = add_build(plan, desired, observed, image, "requested");
  }
  order_builds(plan, desired, observed, images);
  return std::move(plan).finish();
}

Plan plan_down(const DesiredState* desired, const ObservedState& observed, const DownOptions& options) {
  return Teardown(desired, observed, options).run();
}

Result<Plan> plan_start(const DesiredState* desired, const ObservedState& observed,
                        const OperationOptions& options) {
  ServiceGraph graph = known_graph(desired, observed);
  TRY(check_services(desired, graph, options.services));
  std::vector<std::string> needed = options.services;
  if (desired && needed.empty())
    for (const auto& [name, service] : desired->services)
      if (service.replicas > 0) needed.push_back(name);
  for (const std::string& name : needed) {
    if (containers_of(observed, {name}, false).empty())
      return not_found("service \"" + name + "\" has no container to start");
  }
  std::vector<std::string> services = options.services.empty() ? graph.services() : options.services;
  if (!options.no_deps) services = graph.with_dependencies(services);
  PlanBuilder plan(observed.project);
  Starter starter(plan, graph, observed);
  for (const std::string& service : order_of(graph)) {
    if (!contains(services, service)) continue;
    Containers containers = containers_of(observed, {service}, false);
    for (const ObservedContainer* container : containers) {
      if (needs_start(*container)) starter.start(*container, idle_cause(*container), 0, true);
      if (options.wait) starter.wait(*container);
    }
    if (desired && desired->services.count(service))
      starter.add_hooks(desired->services.at(service), containers);
  }
  return std::move(plan).finish();
}

Result<Plan> plan_stop(const DesiredState* desired, const ObservedState& observed,
                       const OperationOptions& options) {
  ServiceGraph graph = known_graph(desired, observed);
  TRY(check_services(desired, graph, options.services));
  PlanBuilder plan(observed.project);
  plan.keep_going();
  StopStepsByService endings;
  for (const ObservedContainer* container : containers_of(observed, options.services, false)) {
    stop_one(plan, *container, options.timeout, endings);
  }
  order_endings(plan, graph, endings);
  return std::move(plan).finish();
}

Result<Plan> plan_restart(const DesiredState* desired, const ObservedState& observed,
                          const OperationOptions& options) {
  ServiceGraph graph = known_graph(desired, observed);
  TRY(check_services(desired, graph, options.services));
  std::vector<std::string> services = options.services.empty() ? graph.services() : options.services;
  if (!options.no_deps) services = with_restarting_dependents(graph, std::move(services));
  return Restarter(graph, observed, options).run(services);
}

Result<Plan> plan_kill(const DesiredState* desired, const ObservedState& observed,
                       const OperationOptions& options) {
  return plan_each<KillContainer>(
      desired, observed, options, true, [](const ObservedContainer& container) { return container.alive(); },
      [&](const ObservedContainer& container) { return KillContainer{ref_to(container), options.signal}; });
}

Result<Plan> plan_rm(const DesiredState* desired, const ObservedState& observed,
                     const OperationOptions& options) {
  ServiceGraph graph = known_graph(desired, observed);
  TRY(check_services(desired, graph, options.services));
  PlanBuilder plan(observed.project);
  plan.keep_going();
  StopStepsByService endings;
  for (const ObservedContainer* container : containers_of(observed, options.services, true)) {
    if (container->alive() && !options.stop) continue;
    StopSteps ending = stop_one(plan, *container, options.timeout, endings);
    add_remove(plan, *container, ending, options.volumes, "");
  }
  order_endings(plan, graph, endings);
  return std::move(plan).finish();
}

Result<Plan> plan_pause(const DesiredState* desired, const ObservedState& observed,
                        const OperationOptions& options) {
  return plan_each<PauseContainer>(
      desired, observed, options, false,
      [](const ObservedContainer& container) { return container.state == ContainerStatus::Running; },
      [](const ObservedContainer& container) { return PauseContainer{ref_to(container)}; });
}

Result<Plan> plan_unpause(const DesiredState* desired, const ObservedState& observed,
                          const OperationOptions& options) {
  return plan_each<UnpauseContainer>(
      desired, observed, options, false,
      [](const ObservedContainer& container) { return container.state == ContainerStatus::Paused; },
      [](const ObservedContainer& container) { return UnpauseContainer{ref_to(container)}; });
}

}  // namespace stack::orchestrator
