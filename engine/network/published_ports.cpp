#include "engine/network/published_ports.h"

#include <algorithm>

#include "base/log.h"
#include "engine/network/endpoint_choice.h"
#include "model/mount_text.h"

namespace stack::engine {

namespace {

// "proxy": only stack-proxy serves the network's ports, so that the host's INPUT rules (ufw) apply.
constexpr const char* kPublishOption = "stack.network.publish";

// Delay before restarting a dead stack-proxy.
constexpr std::chrono::seconds kRestoreDelay{1};

// The name of a container's port in stack-proxy: "<container id>/tcp/0.0.0.0/8080".
std::string relay_name(const Container& container, const proxy::BoundPort& port) {
  return container.id.text() + "/" + to_text(port.protocol) + "/" + port.host_ip.text() + "/" +
         std::to_string(port.port);
}

// The host addresses of a port: none means all addresses of both families.
std::vector<IpAddress> all_host_addresses(const std::optional<IpAddress>& host_ip) {
  if (host_ip) return {*host_ip};
  std::vector<IpAddress> all{IpAddress::v4(0)};
  if (has_ipv6()) all.push_back(IpAddress::v6({}));
  return all;
}

bool is_routed(const NetworkPtr& network, Family family) {
  return network && network->bridge_spec().outside(family).mode == net::GatewayMode::Routed;
}

// The requested ports, and with publish_all the exposed ones on free ports of the host.
std::vector<PortSpec> ports_to_publish(const ContainerSpec& spec) {
  std::vector<PortSpec> ports = spec.ports;
  if (!spec.publish_all) return ports;
  for (const std::string& exposed : spec.exposed_ports) {
    Result<PortSpec> port = parse_published_port(exposed);
    if (!port) continue;
    bool requested = std::any_of(ports.begin(), ports.end(), [&](const PortSpec& other) {
      return other.container_port == port->container_port && other.protocol == port->protocol;
    });
    if (!requested) ports.push_back(*port);
  }
  return ports;
}

// The owner of the port outside this engine; nullopt if it is free.
std::optional<std::string> foreign_holder(const std::optional<IpAddress>& host_ip, uint16_t port,
                                          Protocol protocol) {
  if (protocol == Protocol::Sctp) return std::nullopt;
  IpAddress address = host_ip.value_or(IpAddress::v4(0));
  Result<proxy::BoundPort> free = proxy::bind_host_port(address, {port, port}, protocol);
  if (free) return std::nullopt;
  if (auto owner = proxy::port_owner(address, port, protocol)) return owner;
  return free.error().kind() == ErrorKind::Conflict ? "another program" : free.error().text();
}

std::vector<net::PortForward> difference(const std::vector<net::PortForward>& from,
                                         const std::vector<net::PortForward>& without) {
  std::vector<net::PortForward> out;
  std::set_difference(from.begin(), from.end(), without.begin(), without.end(), std::back_inserter(out));
  return out;
}

}  // namespace

proxy::ProxyClient& PublishedPorts::relay_client() {
  if (proxy_) return *proxy_;
  proxy_ = std::make_unique<proxy::ProxyClient>(
      state_.context.io,
      proxy::ProxyProcess{state_.context.paths.proxy_program, state_.context.paths.run_root + "/proxy.sock"});
  proxy_->on_lost = [this] { start(state_.context.io, restore_relay()); };
  return *proxy_;
}

void PublishedPorts::find_relayed() {
  Result<bool> found = relay_client().find();
  if (!found) log_error("stack-proxy: " + found.error().text());
}

void PublishedPorts::drop_unknown() {
  std::set<std::string> known;
  for (const auto& [id, present] : state_.containers)
    for (const auto& [name, port] : present.relayed) known.insert(name);
  for (const std::string& name : relay_client().found())
    if (!known.contains(name)) relay_client().remove(name);
  relay_client().settle();
  if (known.empty()) relay_client().close();
}

Task<> PublishedPorts::restore_relay() {
  log_warning("stack-proxy exited and its connections are lost; starting it again");
  co_await sleep_for(state_.context.io, kRestoreDelay);
  for (auto& [id, present] : state_.containers) {
    ContainerPtr container = state_.context.find_container(id);
    if (!container || present.relayed.empty()) continue;
    present.relayed.clear();
    Result<> restored = bind(*container);
    if (restored) restored = follow(*container);
    if (!restored) log_error("container " + container->spec.name + ": " + restored.error().text());
  }
}

// The name of the container that publishes this host port; "" if there is none.
std::string PublishedPorts::publisher_of(const std::optional<IpAddress>& host_ip, uint16_t port,
                                         Protocol protocol, const Container* except) const {
  for (const auto& [id, container] : state_.context.containers) {
    if (container.get() == except) continue;
    for (const PublishedPort& held : container->published)
      if (held.host_port == port && held.protocol == protocol && overlap(held.host_ip, host_ip))
        return container->spec.name;
  }
  return "";
}

std::optional<std::string> PublishedPorts::holder_of(const std::optional<IpAddress>& host_ip, uint16_t port,
                                                     Protocol protocol) const {
  std::string container = publisher_of(host_ip, port, protocol, nullptr);
  if (!container.empty()) return "container " + container;
  return foreign_holder(host_ip, port, protocol);
}

// ---- reserve ports ----

Result<> PublishedPorts::reserve(Container& container) {
  container.published.clear();
  // A network option can restrict ports without a host address to one address.
  const Endpoint* endpoint = port_endpoint(state_, container, Family::V4);
  NetworkPtr network = endpoint == nullptr ? nullptr : state_.by_id(endpoint->network_id);
  std::string option = network ? network->option("com.docker.network.bridge.host_binding_ipv4") : "";
  std::optional<IpAddress> usual;
  if (!option.empty()) {
    TRY_ASSIGN(usual, parse_ip(option).in("network " + network->name()));
  }
  for (PortSpec port : ports_to_publish(container.spec)) {
    if (!port.host_ip) port.host_ip = usual;
    TRY(reserve_port(container, port));
  }
  return {};
}

// Whether ports of the host lead to the container: not if its network is routed, in the family or in the only one.
bool PublishedPorts::publishes_on_host(const Container& container, Family family) const {
  const Endpoint* endpoint = port_endpoint(state_, container, family);
  Family target = endpoint != nullptr ? family : family == Family::V4 ? Family::V6 : Family::V4;
  if (endpoint == nullptr) endpoint = port_endpoint(state_, container, target);
  return endpoint == nullptr || !is_routed(state_.by_id(endpoint->network_id), target);
}

// The host addresses on which the container's port is published.
std::vector<IpAddress> PublishedPorts::host_addresses_of(const Container& container,
                                                         const std::optional<IpAddress>& host_ip) const {
  std::vector<IpAddress> addresses = all_host_addresses(host_ip);
  std::erase_if(addresses,
                [&](const IpAddress& address) { return !publishes_on_host(container, address.family()); });
  return addresses;
}

Result<> PublishedPorts::reserve_port(Container& container, const PortSpec& port) {
  PublishedPort published{port.container_port, port.protocol, port.host_ip, port.host_port};
  std::vector<IpAddress> addresses = host_addresses_of(container, port.host_ip);
  if (addresses.empty()) {
    published.host_port = 0;
    container.published.push_back(published);
    return {};
  }
  proxy::PortRange range{port.host_port, std::max(port.host_port, port.host_port_end)};
  if (range.first == range.last && range.first != 0) {
    std::string holder = publisher_of(port.host_ip, port.host_port, port.protocol, &container);
    if (!holder.empty())
      return conflict("port " + std::to_string(port.host_port) + "/" + to_text(port.protocol) +
                      " is published by container " + holder);
  }
  if (port.protocol == Protocol::Sctp) {
    if (port.host_port == 0) return unsupported("published sctp ports require a host port");
    container.published.push_back(published);
    return {};
  }
  TRY_ASSIGN(std::vector<proxy::BoundPort> bound, proxy::bind_host_ports(addresses, range, port.protocol));
  published.host_port = bound.front().port;
  container.published.push_back(published);
  for (proxy::BoundPort& socket : bound) TRY(relay(container, std::move(socket), port.container_port));
  return {};
}

Result<> PublishedPorts::bind(const Container& container) {
  for (const PublishedPort& port : container.published) {
    if (port.protocol == Protocol::Sctp) continue;
    for (const IpAddress& address : host_addresses_of(container, port.host_ip)) {
      proxy::BoundPort socket;
      socket.port = port.host_port;
      socket.host_ip = address;
      socket.protocol = port.protocol;
      std::string name = relay_name(container, socket);
      if (relay_client().found().contains(name)) {
        state_.containers[container.id].relayed[name] = {port.container_port, std::nullopt};
        continue;
      }
      TRY_ASSIGN(socket, proxy::bind_host_port(address, {port.host_port, port.host_port}, socket.protocol));
      TRY(relay(container, std::move(socket), port.container_port));
    }
  }
  return {};
}

// Without a target, which follow() sets.
Result<> PublishedPorts::relay(const Container& container, proxy::BoundPort socket, uint16_t container_port) {
  std::string name = relay_name(container, socket);
  state_.containers[container.id].relayed[name] = {container_port, std::nullopt};
  return relay_client().add(name, std::move(socket), std::nullopt);
}

void PublishedPorts::release(Container& container) {
  container.published.clear();
  auto present = state_.containers.find(container.id);
  if (present == state_.containers.end()) return;
  if (!proxy_ || present->second.relayed.empty()) return;
  for (const auto& [name, port] : std::exchange(present->second.relayed, {})) proxy_->remove(name);
  proxy_->settle();
  bool used = std::any_of(state_.containers.begin(), state_.containers.end(),
                          [](const auto& entry) { return !entry.second.relayed.empty(); });
  if (!used) proxy_->close();
}

// ---- targets ----

std::vector<net::PortForward> PublishedPorts::forwards_of(const Container& container) const {
  std::vector<net::PortForward> forwards;
  for (Family family : {Family::V4, Family::V6}) {
    const Endpoint* endpoint = port_endpoint(state_, container, family);
    NetworkPtr network = endpoint == nullptr ? nullptr : state_.by_id(endpoint->network_id);
    if (!network || network->option(kPublishOption) == "proxy") continue;
    const std::optional<Cidr>& target = endpoint->address(family);
    if (!target) continue;
    bool routed = is_routed(network, family);
    bool direct = routed || !network->bridge_spec().trusted_interfaces.empty();
    for (const PublishedPort& port : container.published) {
      if (direct) forwards.push_back({port.protocol, std::nullopt, 0, target->address, port.container_port});
      if (!routed && port.host_port != 0)
        forwards.push_back(
            {port.protocol, port.host_ip, port.host_port, target->address, port.container_port});
    }
  }
  std::sort(forwards.begin(), forwards.end());
  forwards.erase(std::unique(forwards.begin(), forwards.end()), forwards.end());
  return forwards;
}

std::optional<proxy::Target> PublishedPorts::relay_target(const Container& container,
                                                          uint16_t container_port) const {
  for (Family family : {Family::V4, Family::V6}) {
    const Endpoint* endpoint = port_endpoint(state_, container, family);
    if (endpoint == nullptr) continue;
    const std::optional<Cidr>& target = endpoint->address(family);
    NetworkPtr network = state_.by_id(endpoint->network_id);
    if (target) return proxy::Target{target->address, container_port, network && network->request.internal};
  }
  return std::nullopt;
}

Result<> PublishedPorts::follow(const Container& container) {
  auto found = state_.containers.find(container.id);
  if (found == state_.containers.end()) return {};
  ContainerNetwork& present = found->second;
  for (auto& [name, port] : present.relayed) {
    std::optional<proxy::Target> target = relay_target(container, port.container_port);
    if (target == port.target) continue;
    relay_client().set_target(name, target);
    port.target = target;
  }
  std::vector<net::PortForward> wanted = forwards_of(container);
  if (wanted == present.forwards) return {};
  TRY(firewall_.open());
  TRY(state_.firewall->change(difference(present.forwards, wanted), difference(wanted, present.forwards)));
  present.forwards = std::move(wanted);
  return {};
}

}  // namespace stack::engine
