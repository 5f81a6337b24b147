#include "orchestrator/plan/preflight.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/files.h"
#include "model/docker_socket.h"
#include "model/labels.h"
#include "model/log_options.h"

namespace stack::orchestrator {
namespace {

// The plan's work, by object.
struct PlannedWork {
  std::map<std::string, const CreateContainer*> created;  // final name -> action
  std::set<std::string> services_creating;
  std::set<std::string> services_starting;
  std::set<ContainerId> ended;   // containers that are stopped or removed
  std::set<std::string> built;   // references
  std::set<std::string> pulled;  // references
};

struct Note {
  PlannedWork& work;
  const std::string& service;

  void operator()(const CreateContainer& body) const {
    work.created[body.final_name] = &body;
    work.services_creating.insert(service);
  }
  void operator()(const StartContainer&) const { work.services_starting.insert(service); }
  void operator()(const StopContainer& body) const { work.ended.insert(body.container.id); }
  void operator()(const RemoveContainer& body) const { work.ended.insert(body.container.id); }
  void operator()(const BuildImage& body) const {
    work.built.insert(body.image.reference);
    work.built.insert(body.also.begin(), body.also.end());
  }
  void operator()(const PullImage& body) const { work.pulled.insert(body.reference); }
  template <typename Other>
  void operator()(const Other&) const {}
};

PlannedWork planned_work(const Plan& plan) {
  PlannedWork work;
  for (const Action& action : plan.actions) std::visit(Note{work, action.service}, action.body);
  return work;
}

std::string port_text(const PortSpec& port) {
  std::string text = port.host_ip ? port.host_ip->text() + ":" : "";
  text += std::to_string(port.host_port);
  if (port.host_port_end != 0) text += "-" + std::to_string(port.host_port_end);
  return text + "/" + to_text(port.protocol);
}

bool is_fixed(const PortSpec& port) { return port.host_port != 0 && port.host_port_end == 0; }

bool collide(const PortSpec& a, const PortSpec& b) {
  return a.protocol == b.protocol && a.host_port == b.host_port && overlap(a.host_ip, b.host_ip);
}

bool looks_like_file(const std::string& path) {
  std::string name = base_name(path);
  size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return false;
  std::string extension = name.substr(dot + 1);
  return !extension.empty() && extension.size() <= 5 && extension != "d";
}

// The engine creates it for the first container that uses it.
constexpr std::string_view kDefaultNetwork = "bridge";

class Preflight {
 public:
  Preflight(const compose::Project& project, const DesiredState& desired, const Plan& plan,
            const ObservedState& observed, const HostFacts& facts)
      : project_(project), desired_(desired), observed_(observed), facts_(facts), work_(planned_work(plan)) {}

  std::vector<Problem> run() {
    check_resources();
    for (const auto& [name, service] : desired_.services) {
      if (work_.services_creating.count(name)) check_new_service(service);
      check_ports(service);
    }
    check_port_collisions();
    check_names();
    check_images();
    return std::move(problems_);
  }

 private:
  void report(const std::string& pointer, const std::string& text) {
    std::string origin = origin_of(project_, pointer);
    problems_.push_back({origin.empty() ? text : origin + ": " + text});
  }
  void report(const DesiredService& service, const std::string& member, const std::string& text) {
    report("/services/" + service.name + member, "service " + service.name + ": " + text);
  }

  bool path_exists(const std::string& path) const { return !facts_.path_exists || facts_.path_exists(path); }

  // --- networks and volumes ---

  template <typename Observed>
  static bool is_there(const std::vector<Observed>& list, const std::string& name) {
    return std::any_of(list.begin(), list.end(), [&](const Observed& item) { return item.name == name; });
  }

  void check_resources() {
    for (const auto& [key, network] : desired_.networks) {
      check_room(key, network);
      if (!network.config.external || is_there(observed_.networks, network.config.name)) continue;
      report("/networks/" + key,
             "network " + network.config.name + " declared as external, but could not be found");
    }
    for (const auto& [key, volume] : desired_.volumes) {
      if (!volume.config.external || is_there(observed_.volumes, volume.config.name)) continue;
      report("/volumes/" + key,
             "volume " + volume.config.name + " declared as external, but could not be found");
    }
  }

  // A bridge has 1,023 ports (linux/net/bridge/br_private.h), and the subnet limits the number of addresses.
  void check_room(const std::string& key, const DesiredNetwork& network) {
    constexpr uint64_t kBridgePorts = 1023;
    auto present =
        std::find_if(observed_.networks.begin(), observed_.networks.end(),
                     [&](const ObservedNetwork& each) { return each.name == network.config.name; });
    uint64_t room = kBridgePorts;
    if (present != observed_.networks.end() && present->capacity) room = std::min(room, *present->capacity);
    if (network.containers <= room) return;
    report("/networks/" + key,
           "network " + network.config.name + " holds at most " + std::to_string(room) +
               " containers; this project has " + std::to_string(network.containers) +
               " on it; use several networks" +
               (room < kBridgePorts ? ", or remove the network so that a larger one is created" : ""));
  }

  // --- requirements of a new container ---

  void check_new_service(const DesiredService& service) {
    if (facts_.fault_of)
      if (auto fault = facts_.fault_of(service.base)) report(service, fault->first, fault->second);
    for (const MountSpec& mount : service.base.mounts) {
      if (mount.kind == MountKind::Bind) check_bind(service, mount);
    }
    for (const FileSpec& file : service.base.files) {
      if (file.host_path.empty() || path_exists(file.host_path)) continue;
      report(service, file.secret ? "/secrets" : "/configs", "file " + file.host_path + " does not exist");
    }
    for (const DeviceSpec& device : service.base.resources.devices) {
      if (!device.host_path.starts_with('/') || path_exists(device.host_path)) continue;
      report(service, "/devices", "device " + device.host_path + " does not exist");
    }
    if (Result<LogPlan> log = plan_log(service.base.log); !log)
      report(service, "/logging", log.error().text());
    for (const EndpointSpec& endpoint : service.base.endpoints) check_network(service, endpoint.network);
    check_reference(service, "/network_mode", service.base.network_mode);
    check_reference(service, "/ipc", service.base.ipc_mode);
    check_reference(service, "/pid", service.base.pid_mode);
    for (const std::string& from : service.base.volumes_from) {
      check_container(service, "/volumes_from", from.substr(0, from.find(':')));
    }
    if (auto written = project_.services.find(service.name); written != project_.services.end()) {
      const std::vector<std::string>& links = written->second.external_links;
      for (size_t i = 0; i < links.size(); ++i)
        check_container(service, "/external_links/" + std::to_string(i),
                        links[i].substr(0, links[i].find(':')));
    }
  }

  // A network named by network_mode. Networks in the file are created or have been checked before.
  void check_network(const DesiredService& service, const std::string& name) {
    bool ours = std::any_of(desired_.networks.begin(), desired_.networks.end(),
                            [&](const auto& entry) { return entry.second.config.name == name; });
    if (ours || name == kDefaultNetwork || is_there(observed_.networks, name)) return;
    report(service, "/network_mode", "network " + name + " does not exist");
  }

  std::string volume_pointer(const DesiredService& service, const std::string& target) const {
    auto found = project_.services.find(service.name);
    if (found == project_.services.end()) return "";
    const auto& volumes = found->second.volumes;
    auto at = std::find_if(volumes.begin(), volumes.end(),
                           [&](const auto& volume) { return volume.target == target; });
    return at == volumes.end() ? "" : "/volumes/" + std::to_string(at - volumes.begin());
  }

  void check_bind(const DesiredService& service, const MountSpec& mount) {
    if (is_docker_socket(mount.source) || path_exists(mount.source)) return;
    std::string pointer = volume_pointer(service, mount.target);
    if (!mount.create_host_path) {
      report(service, pointer, "bind source " + mount.source + " does not exist");
    } else if (looks_like_file(mount.source) && looks_like_file(mount.target)) {
      report(service, pointer,
             "bind source " + mount.source +
                 " does not exist and looks like a file, so a directory is not created in its place");
    }
  }

  void check_reference(const DesiredService& service, const std::string& member, const std::string& mode) {
    if (mode.starts_with("container:")) check_container(service, member, mode.substr(10));
  }

  void check_container(const DesiredService& service, const std::string& member, const std::string& name) {
    if (!facts_.container_known || facts_.container_known(name) || work_.created.count(name)) return;
    for (const ObservedContainer& container : observed_.containers) {
      if (container.name == name || container.id.text().starts_with(name)) return;
    }
    for (const auto& [other, desired] : desired_.services) {
      for (int number = 1; number <= desired.replicas; ++number) {
        if (container_name(desired_, desired, number) == name) return;
      }
    }
    report(service, member, "container " + name + " does not exist");
  }

  // --- ports ---

  static std::string port_pointer(size_t index) { return "/ports/" + std::to_string(index); }

  // The container of this project that currently holds the port.
  const ObservedContainer* own_holder(const PortSpec& port) const {
    for (const ObservedContainer& container : observed_.containers) {
      if (!container.alive()) continue;
      for (const PortSpec& held : container.ports) {
        if (collide(port, held)) return &container;
      }
    }
    return nullptr;
  }

  // The owner of the port if it is taken; nullopt if it is free.
  std::optional<std::string> taken_by(const DesiredService& service, const PortSpec& port) const {
    if (const ObservedContainer* holder = own_holder(port)) {
      bool gives_way = work_.ended.count(holder->id) != 0;
      bool same = holder->service == service.name && !holder->oneoff;
      if (gives_way || same) return std::nullopt;
      return "container " + holder->name;
    }
    return facts_.port_taken ? facts_.port_taken(port.host_ip, port.host_port, port.protocol) : std::nullopt;
  }

  // Ports of the host lead to the service's containers; not if all of its networks are routed.
  bool publishes_on_host(const DesiredService& service) const {
    auto routed = [&](const EndpointSpec& endpoint) {
      return std::any_of(desired_.networks.begin(), desired_.networks.end(), [&](const auto& entry) {
        const compose::Network& network = entry.second.config;
        auto mode = network.driver_opts.find("com.docker.network.bridge.gateway_mode_ipv4");
        return network.name == endpoint.network && mode != network.driver_opts.end() &&
               mode->second == "routed";
      });
    };
    const std::vector<EndpointSpec>& endpoints = service.base.endpoints;
    return endpoints.empty() || !std::all_of(endpoints.begin(), endpoints.end(), routed);
  }

  void check_ports(const DesiredService& service) {
    if (!publishes_on_host(service)) return;
    if (!work_.services_starting.count(service.name)) return;
    for (size_t i = 0; i < service.base.ports.size(); ++i) {
      const PortSpec& port = service.base.ports[i];
      if (port.host_port == 0) continue;
      std::optional<std::string> owner;
      PortSpec candidate = port;
      candidate.host_port_end = 0;
      unsigned last = std::max(port.host_port, port.host_port_end);
      for (unsigned number = port.host_port; number <= last; ++number) {
        candidate.host_port = static_cast<uint16_t>(number);
        owner = taken_by(service, candidate);
        if (!owner) break;
      }
      if (owner) report(service, port_pointer(i), "port " + port_text(port) + " is taken by " + *owner);
    }
  }

  struct Claim {
    const DesiredService* service;
    size_t index;
  };

  // Reports ports that the project publishes twice.
  void check_port_collisions() {
    std::map<std::pair<Protocol, uint16_t>, std::vector<Claim>> claims;
    for (const auto& [name, service] : desired_.services) {
      if (!publishes_on_host(service)) continue;
      for (size_t i = 0; i < service.base.ports.size(); ++i) {
        const PortSpec& port = service.base.ports[i];
        if (is_fixed(port) && service.replicas > 0)
          claims[{port.protocol, port.host_port}].push_back({&service, i});
      }
    }
    for (const auto& [key, list] : claims) {
      for (size_t i = 0; i < list.size(); ++i) check_claim(list, i);
    }
  }

  void check_claim(const std::vector<Claim>& list, size_t i) {
    const DesiredService& service = *list[i].service;
    const PortSpec& port = service.base.ports[list[i].index];
    if (service.replicas > 1) {
      report(service, port_pointer(list[i].index),
             std::to_string(service.replicas) + " containers cannot share port " + port_text(port) +
                 "; publish a range or omit the host port");
    }
    for (size_t k = 0; k < i; ++k) {
      const DesiredService& other = *list[k].service;
      if (!collide(port, other.base.ports[list[k].index])) continue;
      report(service, port_pointer(list[i].index),
             "port " + port_text(port) + " is also published by service " + other.name);
      return;
    }
  }

  // --- names and images ---

  void check_names() {
    for (const auto& [name, create] : work_.created) {
      const std::string service = service_of(*create);
      auto other = observed_.other_names.find(name);
      if (other != observed_.other_names.end()) {
        report("/services/" + service + "/container_name",
               "service " + service + ": container name " + name + " is taken by " + other->second);
      }
      for (const ObservedContainer& container : observed_.containers) {
        if (container.name != name || work_.ended.count(container.id)) continue;
        report("/services/" + service + "/container_name", "service " + service + ": container name " + name +
                                                               " is taken by a container of service " +
                                                               container.service + " that is not removed");
      }
    }
  }

  static std::string service_of(const CreateContainer& create) {
    auto at = create.spec.labels.find(label::kService);
    return at == create.spec.labels.end() ? "" : at->second;
  }

  void check_images() {
    std::set<std::string> needed;
    for (const auto& [name, create] : work_.created) needed.insert(create->spec.image);
    for (const auto& [reference, image] : desired_.images) {
      if (work_.built.count(reference)) {
        check_build(image);
      } else if (work_.pulled.count(reference)) {
        if (facts_.can_pull && !facts_.can_pull(reference))
          report_missing(image, ", and its name is not a valid registry reference");
      } else if (needed.count(reference) && !observed_.images.count(reference)) {
        report_missing(image, image.build
                                  ? ", and building is disabled"
                                  : ", and its pull policy is \"never\"; get it with `stack image pull " +
                                        reference + "`");
      }
    }
  }

  void report_missing(const DesiredImage& image, const std::string& why) {
    const std::string& service = image.services.front();
    report("/services/" + service + "/image",
           "service " + service + ": image " + image.reference + " is not on this machine" + why);
  }

  void check_build(const DesiredImage& image) {
    const std::string& service = image.services.front();
    const compose::Build& build = *image.build;
    if (!build.context.starts_with('/')) return;
    if (!path_exists(build.context)) {
      return report("/services/" + service + "/build",
                    "service " + service + ": build context " + build.context + " does not exist");
    }
    if (build.dockerfile_inline || build.dockerfile.empty()) return;
    std::string dockerfile = absolute_path(build.context, build.dockerfile);
    if (path_exists(dockerfile)) return;
    report("/services/" + service + "/build",
           "service " + service + ": Dockerfile " + dockerfile + " does not exist");
  }

  const compose::Project& project_;
  const DesiredState& desired_;
  const ObservedState& observed_;
  const HostFacts& facts_;
  PlannedWork work_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> preflight(const compose::Project& project, const DesiredState& desired, const Plan& plan,
                               const ObservedState& observed, const HostFacts& facts,
                               const std::vector<HeldPort>& held) {
  if (held.empty()) return Preflight(project, desired, plan, observed, facts).run();
  ObservedState with_ports = observed;
  for (ObservedContainer& container : with_ports.containers) {
    for (const HeldPort& one : held) {
      if (one.container == container.id) container.ports.push_back(one.port);
    }
  }
  return Preflight(project, desired, plan, with_ports, facts).run();
}

}  // namespace stack::orchestrator
