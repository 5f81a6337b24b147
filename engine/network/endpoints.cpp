// NetworkService: the interfaces of containers, and the choice of their default gateway.
#include <algorithm>

#include "base/identity.h"
#include "base/text.h"
#include "engine/network/network_state.h"
#include "net/link/link.h"
#include "net/link/namespace.h"
#include "net/link/sysctl.h"

namespace stack::engine {

std::string host_interface(const Endpoint& endpoint) { return "v" + endpoint.endpoint_id.substr(0, 12); }

namespace {

constexpr const char* kSysctlOption = "com.docker.network.endpoint.sysctls";

bool has_address(const Endpoint& endpoint, Family family) {
  return endpoint.address(family).has_value();
}

// The gateway address of the network in this family, if it is not internal.
std::optional<IpAddress> gateway_of(const NetworkPtr& network, Family family) {
  if (!network || network->request.internal) return std::nullopt;
  for (const net::AddressPool& pool : network->pools)
    if (pool.subnet.family() == family && pool.gateway) return pool.gateway;
  return std::nullopt;
}

bool is_sysctl_part(const std::string& part) {
  return !part.empty() &&
         part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
}

// Sets "net.ipv4.conf.IFNAME.log_martians=1,..." for one interface, in Docker's notation.
Result<> set_sysctls(int netns, const std::string& settings, const std::string& interface_name) {
  for (const std::string& setting : split(settings, ',')) {
    std::vector<std::string> parts = split(setting.substr(0, setting.find('=')), '.');
    bool good = setting.find('=') != std::string::npos && parts.size() == 5 && parts[0] == "net" &&
                is_sysctl_part(parts[1]) && is_sysctl_part(parts[2]) && parts[3] == "IFNAME" &&
                is_sysctl_part(parts[4]);
    if (!good)
      return invalid(std::string(kSysctlOption) + ": \"" + setting +
                     "\" does not have the form net.X.Y.IFNAME.Z=VALUE");
    parts[3] = interface_name;
    std::string name = join(std::span(parts).subspan(1), "/");
    TRY(net::write_sysctl(netns, name, setting.substr(setting.find('=') + 1)));
  }
  return {};
}

// The endpoint's addresses and MAC.
Result<> add_addresses(const Endpoint& endpoint, net::VethSpec& spec) {
  for (Family family : {Family::V4, Family::V6})
    if (endpoint.address(family)) spec.addresses.push_back(*endpoint.address(family));
  for (const std::string& extra : endpoint.spec.link_local_ips) {
    TRY_ASSIGN(IpAddress address, parse_ip(extra));
    spec.addresses.push_back({address, static_cast<uint8_t>(address.is_v4() ? 16 : 64)});
  }
  if (endpoint.spec.mac_address.empty()) return {};
  TRY_ASSIGN(spec.mac, parse_mac(endpoint.spec.mac_address));
  return {};
}

}  // namespace

Result<> NetworkService::State::resolve_endpoints(Container& container) {
  for (Endpoint& endpoint : container.endpoints) {
    NetworkPtr network = by_id(endpoint.network_id);
    if (network && network->name() == endpoint.spec.network) continue;
    network.reset();
    for (const auto& [id, candidate] : networks)
      if (candidate->name() == endpoint.spec.network || id == endpoint.spec.network) network = candidate;
    if (!network) return not_found("network " + endpoint.spec.network + " not found");
    endpoint.network_id = network->id;
  }
  return {};
}

// In the order of connection.
std::vector<Endpoint*> NetworkService::State::in_order(Container& container) const {
  std::vector<Endpoint*> order;
  for (Endpoint& endpoint : container.endpoints) order.push_back(&endpoint);
  std::stable_sort(order.begin(), order.end(), [&](const Endpoint* a, const Endpoint* b) {
    if (a->spec.priority != b->spec.priority) return a->spec.priority > b->spec.priority;
    return a->spec.network < b->spec.network;
  });
  return order;
}

// Docker's rule: higher gw_priority, then external networks, then more families with a gateway, then the name.
std::vector<const Endpoint*> NetworkService::State::by_gateway_priority(const Container& container) const {
  auto rank = [&](const Endpoint* endpoint) {
    NetworkPtr network = by_id(endpoint->network_id);
    int families = 0;
    for (Family family : {Family::V4, Family::V6}) families += gateway_of(network, family) ? 1 : 0;
    return std::make_tuple(-endpoint->spec.gw_priority, network && network->request.internal, -families,
                           network ? network->name() : "");
  };
  std::vector<const Endpoint*> order;
  for (const Endpoint& endpoint : container.endpoints)
    if (endpoint.attached) order.push_back(&endpoint);
  std::sort(order.begin(), order.end(),
            [&](const Endpoint* a, const Endpoint* b) { return rank(a) < rank(b); });
  return order;
}

net::DefaultGateways NetworkService::State::gateways_of(const Container& container) const {
  net::DefaultGateways gateways;
  for (const Endpoint* endpoint : by_gateway_priority(container)) {
    NetworkPtr network = by_id(endpoint->network_id);
    if (!gateways.v4 && has_address(*endpoint, Family::V4)) gateways.v4 = gateway_of(network, Family::V4);
    if (!gateways.v6 && has_address(*endpoint, Family::V6)) gateways.v6 = gateway_of(network, Family::V6);
  }
  return gateways;
}

// The target endpoint of published ports: the gateway endpoint of the family, or the first with an address of it.
const Endpoint* NetworkService::State::port_endpoint(const Container& container, Family family) const {
  const Endpoint* first = nullptr;
  for (const Endpoint* endpoint : by_gateway_priority(container)) {
    NetworkPtr network = by_id(endpoint->network_id);
    // The host cannot reach its own macvlan and ipvlan interfaces.
    if (!has_address(*endpoint, family) || !network || !network->is_bridge()) continue;
    if (gateway_of(network, family)) return endpoint;
    if (first == nullptr) first = endpoint;
  }
  return first;
}

int NetworkService::State::netns_of(const Container& container) const {
  if (container.run && container.run->netns) return container.run->netns.get();
  auto found = kept.find(container.id);
  return found == kept.end() ? -1 : found->second.netns.get();
}

// Takes addresses, on which the choice of the default route depends. plug() creates the interface.
Result<> NetworkService::State::attach_endpoint(Container& container, Endpoint& endpoint) {
  NetworkPtr network = by_id(endpoint.network_id);
  if (!network || network->removing) return not_found("network " + endpoint.spec.network + " not found");
  TRY(ensure_ready(*network));
  // An interface of an earlier run remains if the namespace outlived it.
  if (!endpoint.endpoint_id.empty() && netns_of(container) >= 0) TRY(unplug(container, endpoint));
  auto leases = lease_addresses(network, endpoint, container.spec.name);
  if (!leases) return std::move(leases).error().in("network " + network->name());
  containers[container.id].leases.insert_or_assign(network->id, std::move(*leases));
  endpoint.attached = true;
  endpoint.endpoint_id = random_id();
  return {};
}

// The host's side of an interface.
net::VethSpec NetworkService::State::host_side_of(const Endpoint& endpoint, const Network& network) {
  net::VethSpec spec;
  net::BridgeSpec bridge = network.bridge_spec();
  spec.host_name = host_interface(endpoint);
  spec.bridge = bridge.name;
  spec.mtu = bridge.mtu;
  spec.isolated = !bridge.icc;
  return spec;
}

// Creates the interface of an attached endpoint. `interface_name`: "" = the requested or else the first free name.
Result<> NetworkService::State::plug(Container& container, Endpoint& endpoint,
                                     const net::DefaultGateways& gateways, std::string interface_name) {
  NetworkPtr network = by_id(endpoint.network_id);
  if (!network) return not_found("network " + endpoint.spec.network + " not found");
  net::VethSpec spec = host_side_of(endpoint, *network);
  spec.netns = netns_of(container);
  spec.name = interface_name.empty() ? endpoint.spec.interface_name : interface_name;
  if (spec.name.empty()) {
    std::string prefix = network->option("com.docker.network.container_iface_prefix");
    TRY_ASSIGN(spec.name, net::free_interface_name(spec.netns, prefix.empty() ? "eth" : prefix));
  }
  endpoint.interface_name = spec.name;
  TRY(add_addresses(endpoint, spec));
  if (gateways.v4 && gateways.v4 == gateway_of(network, Family::V4)) spec.gateway4 = gateways.v4;
  if (gateways.v6 && gateways.v6 == gateway_of(network, Family::V6)) spec.gateway6 = gateways.v6;
  Result<MacAddress> mac = make_interface(*network, spec);
  if (!mac) return std::move(mac).error().in("network " + network->name());
  endpoint.mac = mac->text();
  auto sysctls = endpoint.spec.driver_opts.find(kSysctlOption);
  if (sysctls == endpoint.spec.driver_opts.end()) return {};
  return set_sysctls(spec.netns, sysctls->second, spec.name).in("network " + network->name());
}

Result<MacAddress> NetworkService::State::make_interface(const Network& network, const net::VethSpec& spec) {
  if (!network.is_bridge()) {
    TRY_ASSIGN(net::ChildKind kind, network.child_kind());
    return net::attach_child(*host, network.parent, kind, spec);
  }
  TRY_ASSIGN(net::Veth pair, net::attach(*host, spec));
  return pair.mac;
}

Result<> NetworkService::State::unplug(const Container& container, const Endpoint& endpoint) {
  if (!host || endpoint.endpoint_id.empty()) return {};
  NetworkPtr network = by_id(endpoint.network_id);
  if (!network || network->is_bridge()) return net::detach(*host, host_interface(endpoint));
  int netns = netns_of(container);
  return netns < 0 ? Result<>() : net::detach_child(netns, endpoint.interface_name);
}

}  // namespace stack::engine
