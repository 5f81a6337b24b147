#include "world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/identity.h"
#include "model/labels.h"

namespace stack::orchestrator::testing {

compose::Project shop() {
  compose::Project project;
  project.name = "shop";
  project.working_dir = "/srv/shop";
  project.compose_files = {"/srv/shop/compose.yaml"};
  project.networks["default"].name = "shop_default";
  return project;
}

compose::Service& add_service(compose::Project& project, const std::string& name, const std::string& image) {
  compose::Service& service = project.services[name];
  service.name = name;
  service.image = image;
  service.networks["default"] = {};
  return service;
}

void depend(compose::Project& project, const std::string& service, const std::string& on,
            compose::DependencyCondition condition, bool restart, bool required) {
  project.services.at(service).depends_on[on] = {condition, restart, required, false};
}

void add_healthcheck(compose::Service& service) { service.healthcheck.emplace().test = {"CMD", "true"}; }

void publish(compose::Service& service, uint16_t host_port, uint16_t container_port) {
  compose::PortMapping port;
  port.target = container_port;
  port.published = host_port == 0 ? "" : std::to_string(host_port);
  port.protocol = "tcp";
  service.ports.push_back(port);
}

void add_volume(compose::Project& project, const std::string& service, const std::string& key,
                const std::string& target) {
  project.volumes[key].name = project.name + "_" + key;
  compose::VolumeMount mount;
  mount.source = key;
  mount.target = target;
  project.services.at(service).volumes.push_back(mount);
}

DesiredState desired(const compose::Project& project, const DesiredOptions& options) {
  auto state = desired_state(project, options);
  if (!state) {
    ADD_FAILURE() << state.error().text();
    return {};
  }
  return *std::move(state);
}

void World::have_images(const compose::Project& project) {
  for (const auto& [name, service] : project.services) {
    std::string reference = image_name(project, service);
    state.images[reference] = "id of " + reference;
  }
}

ObservedContainer& World::container(const std::string& name) {
  for (ObservedContainer& each : state.containers) {
    if (each.name == name) return each;
  }
  ADD_FAILURE() << "no container " << name;
  static ObservedContainer none;
  return none;
}

bool World::has(const std::string& name) const {
  return std::any_of(state.containers.begin(), state.containers.end(),
                     [&](const ObservedContainer& each) { return each.name == name; });
}

// The effect of an action on the world.
struct Effect {
  World& world;
  const Action& action;
  std::map<ActionId, std::string>& made;  // results so far
  std::vector<std::string>& complaints;

  void complain(const std::string& text) { complaints.push_back(describe(action) + ": " + text); }

  ObservedContainer* find(const ContainerRef& ref) {
    auto by_plan = made.find(ref.made_by);
    ContainerId id = by_plan == made.end() ? ref.id : ContainerId(by_plan->second);
    for (ObservedContainer& each : world.state.containers) {
      if (each.id == id) return &each;
    }
    return nullptr;
  }

  ObservedContainer* need(const ContainerRef& ref) {
    ObservedContainer* container = find(ref);
    if (!container) complain("no such container");
    return container;
  }

  void operator()(const CreateNetwork& body) {
    for (const auto& each : world.state.networks) {
      if (each.name == body.network.config.name) complain("network exists");
    }
    world.state.networks.push_back(
        {"net" + std::to_string(++world.made_), body.network.config.name, body.network.labels});
  }
  void operator()(const RemoveNetwork& body) {
    for (const auto& each : world.state.containers) {
      if (each.alive() && each.networks.count(body.name)) complain(each.name + " is on it");
    }
    std::erase_if(world.state.networks, [&](const auto& each) { return each.name == body.name; });
  }
  void operator()(const CreateVolume& body) {
    world.state.volumes.push_back({body.volume.config.name, body.volume.labels});
  }
  void operator()(const RemoveVolume& body) {
    for (const auto& each : world.state.containers) {
      if (each.volumes.count(body.name)) complain(each.name + " uses it");
    }
    std::erase_if(world.state.volumes, [&](const auto& each) { return each.name == body.name; });
  }
  std::string image(const std::string& reference) {
    auto result = world.image_results.find(reference);
    std::string id = result == world.image_results.end() ? "id of " + reference : result->second;
    world.state.images[reference] = id;
    return id;
  }
  void operator()(const BuildImage& body) {
    made[action.id] = image(body.image.reference);
    for (const std::string& reference : body.also) world.state.images[reference] = made[action.id];
  }
  void operator()(const PullImage& body) { made[action.id] = image(body.reference); }
  void operator()(const RemoveImage& body) {
    for (const auto& each : world.state.containers) {
      if (each.image == body.reference) complain(each.name + " uses it");
    }
    world.state.images.erase(body.reference);
  }

  void check_name(const std::string& name) {
    if (world.has(name)) complain("name " + name + " is in use");
  }
  template <typename List>
  bool exists(const List& list, const std::string& name) {
    return std::any_of(list.begin(), list.end(), [&](const auto& each) { return each.name == name; });
  }

  void operator()(const CreateContainer& body) {
    check_name(body.spec.name);
    ObservedContainer fresh;
    fresh.id = ContainerId(sha256_hex("container " + std::to_string(++world.made_)));
    fresh.name = body.spec.name;
    fresh.labels = body.spec.labels;
    fresh.service = fresh.labels[label::kService];
    fresh.number = std::stoi(fresh.labels[label::kContainerNumber]);
    fresh.config_hash = body.config_hash;
    fresh.config_text = body.config_text;
    fresh.image = body.spec.image;
    if (!world.state.images.count(fresh.image)) complain("no image " + fresh.image);
    fresh.image_id = world.state.images[fresh.image];
    for (const EndpointSpec& endpoint : body.spec.endpoints) {
      if (!exists(world.state.networks, endpoint.network)) complain("no network " + endpoint.network);
      fresh.networks.insert(endpoint.network);
      fresh.connections[endpoint.network] = endpoint;
    }
    for (const MountSpec& mount : body.spec.mounts) {
      if (mount.kind != MountKind::Volume || mount.source.empty()) continue;
      if (!exists(world.state.volumes, mount.source)) complain("no volume " + mount.source);
      fresh.volumes.insert(mount.source);
    }
    fresh.ports = body.spec.ports;
    fresh.health = body.spec.healthcheck ? Health::Starting : Health::None;
    fresh.has_pre_stop = !body.spec.pre_stop.empty();
    if (body.spec.network_mode.starts_with("container:") && !world.has(body.spec.network_mode.substr(10))) {
      complain("no container for " + body.spec.network_mode);
    }
    made[action.id] = fresh.id.text();
    world.state.containers.push_back(std::move(fresh));
  }
  void operator()(const RenameContainer& body) {
    check_name(body.name);
    if (ObservedContainer* container = need(body.container)) container->name = body.name;
  }
  void operator()(const StartContainer& body) {
    ObservedContainer* container = need(body.container);
    if (!container) return;
    for (const ObservedContainer& other : world.state.containers) {
      if (&other == container || !other.alive()) continue;
      for (const PortSpec& held : other.ports) {
        for (const PortSpec& wanted : container->ports) {
          if (held.host_port == wanted.host_port && held.host_port != 0)
            complain("port is held by " + other.name);
        }
      }
    }
    for (const std::string& network : container->networks) {
      if (!exists(world.state.networks, network)) complain("no network " + network);
    }
    container->state = ContainerStatus::Running;
    if (container->health != Health::None) container->health = Health::Starting;
  }
  void stop(const ContainerRef& ref, int code) {
    ObservedContainer* container = find(ref);
    if (!container || !container->alive()) return;
    container->state = ContainerStatus::Exited;
    container->exit_code = code;
  }
  void operator()(const StopContainer& body) { stop(body.container, 143); }
  void operator()(const KillContainer& body) { stop(body.container, 137); }
  void operator()(const RemoveContainer& body) {
    if (!need(body.container)) return;
    ContainerId id = find(body.container)->id;
    std::erase_if(world.state.containers, [&](const auto& each) { return each.id == id; });
  }
  void operator()(const PauseContainer& body) { need(body.container)->state = ContainerStatus::Paused; }
  void operator()(const UnpauseContainer& body) { need(body.container)->state = ContainerStatus::Running; }
  void operator()(const WaitRunning& body) { need(body.container); }
  void operator()(const WaitHealthy& body) {
    ObservedContainer* container = need(body.container);
    if (!container) return;
    if (container->state != ContainerStatus::Running) complain("does not run");
    container->health = Health::Healthy;
  }
  void operator()(const WaitCompleted& body) {
    ObservedContainer* container = need(body.container);
    if (!container) return;
    container->state = ContainerStatus::Exited;
    container->exit_code = 0;
  }
  void operator()(const WaitAccepted& body) {
    ObservedContainer* container = need(body.container);
    if (container && container->state != ContainerStatus::Running) complain("does not run");
  }
  void operator()(const WaitDelay&) {}
  void operator()(const CheckUpdate&) {}
  void operator()(const RunHook& body) { need(body.container); }
  void operator()(const RunPreStart& body) {
    if (const ObservedContainer* replica = need(body.container);
        replica && replica->alive() && !action.optional)
      complain("the service runs already");
  }
  void operator()(const ConnectNetwork&) {}
  void operator()(const DisconnectNetwork&) {}
};

namespace {

bool condition_holds(const Action& action, const std::map<ActionId, std::string>& made) {
  if (action.contingent()) return false;  // nothing fails here
  if (action.only_if.empty()) return true;
  return std::any_of(action.only_if.begin(), action.only_if.end(), [&](const ImageChange& change) {
    auto result = made.find(change.image);
    return result != made.end() && result->second != change.was;
  });
}

}  // namespace

std::vector<std::string> World::apply_in_order(const Plan& plan, size_t limit,
                                               const std::function<size_t(size_t)>& pick) {
  std::vector<std::string> complaints;
  std::map<ActionId, std::string> made;
  std::set<ActionId> done;
  for (size_t step = 0; step < std::min(limit, plan.actions.size()); ++step) {
    std::vector<const Action*> ready;
    for (const Action& action : plan.actions) {
      bool free =
          !done.count(action.id) && std::all_of(action.after.begin(), action.after.end(),
                                                [&](const Edge& edge) { return done.count(edge.id) != 0; });
      if (free) ready.push_back(&action);
    }
    if (ready.empty()) {
      complaints.push_back("the plan has a circle");
      break;
    }
    const Action& action = *ready[pick(ready.size())];
    done.insert(action.id);
    if (condition_holds(action, made)) std::visit(Effect{*this, action, made, complaints}, action.body);
  }
  return complaints;
}

std::vector<std::string> World::apply(const Plan& plan, size_t limit) {
  return apply_in_order(plan, limit, [](size_t) { return size_t{0}; });
}

World up(const compose::Project& project, const ReconcileOptions& options) {
  World world;
  world.have_images(project);
  EXPECT_EQ(world.apply(reconcile(desired(project), world.state, options)), std::vector<std::string>{});
  return world;
}

}  // namespace stack::orchestrator::testing
