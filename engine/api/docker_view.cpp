#include "engine/api/docker_view.h"

#include "engine/api/api.h"
#include "engine/container/container_run.h"
#include "model/labels.h"
#include "model/link.h"
#include "model/predefined_network.h"

namespace stack::engine {

namespace {

docker::MountFacts facts_of(const MountPoint& mount) {
  const MountSpec& spec = mount.spec;
  std::string source = spec.kind == MountKind::Image ? spec.source : mount.source.path;
  return {spec.kind, mount.source.volume, std::move(source), spec.target, spec.read_only, spec.propagation};
}

void add_gateways(const Network& network, docker::EndpointFacts& facts) {
  if (network.request.internal) return;
  for (const net::AddressPool& pool : network.pools)
    if (pool.gateway)
      (pool.subnet.family() == Family::V4 ? facts.gateway : facts.gateway6) = pool.gateway->text();
}

std::string network_name(const Endpoint& endpoint, const NetworkService& networks) {
  NetworkPtr network =
      networks.find(endpoint.network_id.empty() ? endpoint.spec.network : endpoint.network_id);
  return network ? network->name() : endpoint.spec.network;
}

docker::EndpointFacts facts_of(const Container& container, const Endpoint& endpoint,
                               const NetworkService& networks) {
  docker::EndpointFacts facts;
  facts.spec = endpoint.spec;
  facts.network = network_name(endpoint, networks);
  facts.network_id = endpoint.network_id;
  facts.mac = endpoint.spec.mac_address ? endpoint.spec.mac_address->text() : "";
  if (!container.run || !endpoint.attached) return facts;
  if (NetworkPtr network = networks.find(endpoint.network_id)) add_gateways(*network, facts);
  facts.endpoint_id = endpoint.endpoint_id;
  facts.ipv4 = endpoint.ipv4;
  facts.ipv6 = endpoint.ipv6;
  facts.mac = endpoint.mac;
  return facts;
}

// host and none are endpoints without addresses.
void add_predefined_network(const Container& container, docker::ContainerFacts& facts,
                            const std::string& tag) {
  const std::string& mode = container.spec.network_mode;
  if (mode != "host" && mode != "none") return;
  docker::EndpointFacts endpoint;
  endpoint.network = mode;
  endpoint.network_id = predefined_network_id(mode, tag);
  facts.endpoints.push_back(std::move(endpoint));
}

void add_ports(const Container& container, const images::ImageConfig* image, docker::ContainerFacts& facts) {
  if (!container.run) return;
  if (image != nullptr)
    for (const std::string& port : image->exposed_ports) facts.ports[port];
  for (const std::string& port : container.spec.exposed_ports) facts.ports[port];
  for (const PublishedPort& port : container.published) {
    auto& bindings = facts.ports[std::to_string(port.container_port) + "/" + to_text(port.protocol)];
    if (port.host_port == 0) continue;
    if (port.host_ip) {
      bindings.push_back({*port.host_ip, port.host_port});
    } else {
      bindings.push_back({IpAddress::v4(0), port.host_port});
      bindings.push_back({IpAddress::v6({}), port.host_port});
    }
  }
}

void add_state(const Container& container, docker::ContainerFacts& facts) {
  const ContainerState& state = container.state;
  facts.status = to_text(container.status());
  facts.pid = state.pid;
  facts.exit_code = state.exit_code;
  facts.oom_killed = state.oom_killed;
  facts.error = state.error;
  facts.started_at = state.started_at;
  facts.finished_at = state.finished_at;
  facts.restart_count = state.restart_count;
}

std::vector<std::string> names_of_links(const Services& s, const Container& container) {
  std::vector<std::string> names;
  for (const auto& [id, other] : s.context.containers)
    for (const std::string& text : other->spec.links)
      if (Link link = parse_link(text); s.context.find_container(link.container).get() == &container)
        names.push_back(other->spec.name + "/" + link.alias);
  return names;
}

}  // namespace

docker::ContainerFacts container_facts(const Services& s, const Container& container) {
  docker::ContainerFacts facts(container.spec);
  std::optional<images::Image> image = s.containers.parts().images.find(container.image_id);
  facts.health = container.health ? &*container.health : nullptr;
  facts.id = container.id;
  facts.image_id = container.image_id;
  facts.created_at = container.created_at;
  facts.labels = container.spec.labels;
  if (image) facts.labels.insert(image->config().labels.begin(), image->config().labels.end());
  facts.linked_as = names_of_links(s, container);
  add_state(container, facts);
  for (const MountPoint& mount : container.mounts) facts.mounts.push_back(facts_of(mount));
  for (const Endpoint& endpoint : container.endpoints)
    facts.endpoints.push_back(facts_of(container, endpoint, s.networks));
  add_predefined_network(container, facts, s.context.paths.tag);
  add_ports(container, image ? &image->config() : nullptr, facts);
  if (Result<ImageDefaults> defaults = s.containers.facts().image_defaults(container))
    facts.command_line = command_line(container.spec, *defaults).value_or(std::vector<std::string>());
  return facts;
}

docker::ContainerDetails container_details(const Services& s, const Container& container) {
  docker::ContainerDetails details;
  if (Result<ImageDefaults> defaults = s.containers.facts().image_defaults(container)) {
    details.image_command = defaults->command;
    details.image_entrypoint = defaults->entrypoint;
    details.image_working_dir = defaults->working_dir;
    details.image_user = defaults->user;
    details.image_stop_signal = defaults->stop_signal;
    details.image_env = defaults->env;
  }
  if (std::optional<images::Image> image = s.containers.parts().images.find(container.image_id))
    details.image_ports = image->config().exposed_ports;
  details.healthcheck = s.health.configured(container);
  details.hostname = s.containers.facts().hostname_of(container);
  details.resolv_conf_path = s.containers.facts().own_file(container, "resolv.conf");
  details.hostname_path = s.containers.facts().own_file(container, "hostname");
  details.hosts_path = s.containers.facts().own_file(container, "hosts");
  if (container.spec.log.driver == "json-file") details.log_path = s.containers.facts().log_path(container);
  details.exec_ids = s.execs.running_in(container);
  return details;
}

orchestrator::WaitFacts wait_facts(const Container& container) {
  orchestrator::WaitFacts facts;
  facts.name = container.spec.name;
  facts.state = container.status();
  if (container.health) facts.health = container.health->status;
  facts.exit_code = container.state.exit_code;
  facts.will_restart = container.status() == ContainerStatus::Restarting;
  return facts;
}

orchestrator::ObservedContainer observed_container(const Container& container,
                                                   const NetworkService& networks) {
  orchestrator::ObservedContainer observed;
  orchestrator::WaitFacts facts = wait_facts(container);
  observed.id = container.id;
  observed.name = container.spec.name;
  observed.service = container.label(label::kService);
  observed.number = std::atoi(container.label(label::kContainerNumber).c_str());
  observed.oneoff = container.label(label::kOneOff) == "True";
  observed.state = facts.state;
  observed.health = facts.health;
  observed.exit_code = container.state.exit_code;
  observed.config_hash = container.label(label::kConfigHash);
  observed.config_text = container.config_text;
  observed.image = container.spec.image;
  observed.image_id = container.image_id;
  for (const Endpoint& endpoint : container.endpoints)
    observed.networks.insert(
        observed.connections.emplace(network_name(endpoint, networks), endpoint.spec).first->first);
  for (const MountPoint& mount : container.mounts)
    if (mount.spec.kind == MountKind::Volume) observed.volumes.insert(mount.source.volume);
  if (container.run) {
    for (const PublishedPort& port : container.published) {
      PortSpec held;
      held.container_port = port.container_port;
      held.protocol = port.protocol;
      held.host_ip = port.host_ip;
      held.host_port = port.host_port;
      observed.ports.push_back(std::move(held));
    }
  }
  observed.labels = container.spec.labels;
  observed.has_pre_stop = !container.spec.pre_stop.empty();
  return observed;
}

std::vector<std::string> volume_users(const Context& context, const std::string& volume) {
  std::vector<std::string> users;
  for (const auto& [id, container] : context.containers)
    for (const MountPoint& mount : container->mounts)
      if (mount.source.volume == volume) users.push_back(container->spec.name);
  return users;
}

std::vector<images::ImageUser> image_users(const Context& context) {
  std::vector<images::ImageUser> users;
  for (const auto& [id, container] : context.containers)
    users.push_back({container->image_id, id.text(), container->alive()});
  return users;
}

}  // namespace stack::engine
