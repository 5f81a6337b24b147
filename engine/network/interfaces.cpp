#include "engine/network/interfaces.h"

#include "base/text.h"
#include "engine/network/endpoint_choice.h"
#include "net/link/namespace.h"
#include "net/link/sysctl.h"

namespace stack::engine {

namespace {

constexpr const char* kSysctlOption = "com.docker.network.endpoint.sysctls";

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
void add_addresses(const Endpoint& endpoint, net::VethSpec& spec) {
  for (Family family : {Family::V4, Family::V6})
    if (endpoint.address(family)) spec.addresses.push_back(*endpoint.address(family));
  for (const IpAddress& extra : endpoint.spec.link_local_ips)
    spec.addresses.push_back({extra, static_cast<uint8_t>(extra.is_v4() ? 16 : 64)});
  if (endpoint.spec.mac_address) spec.mac = *endpoint.spec.mac_address;
}

}  // namespace

net::VethSpec Interfaces::host_side_of(const Endpoint& endpoint, const Network& network) {
  net::VethSpec spec;
  net::BridgeSpec bridge = network.bridge_spec();
  spec.host_name = host_interface(endpoint);
  spec.bridge = bridge.name;
  spec.mtu = bridge.mtu;
  spec.isolated = !bridge.icc;
  return spec;
}

Result<> Interfaces::plug(const Container& container, Endpoint& endpoint,
                          const net::DefaultGateways& gateways, std::string interface_name) {
  NetworkPtr network = state_.by_id(endpoint.network_id);
  if (!network) return not_found("network " + endpoint.spec.network + " not found");
  net::VethSpec spec = host_side_of(endpoint, *network);
  spec.netns = state_.netns_of(container);
  spec.name = interface_name.empty() ? endpoint.spec.interface_name : interface_name;
  if (spec.name.empty()) {
    std::string prefix = network->option("com.docker.network.container_iface_prefix");
    TRY_ASSIGN(spec.name, net::free_interface_name(spec.netns, prefix.empty() ? "eth" : prefix));
  }
  endpoint.interface_name = spec.name;
  add_addresses(endpoint, spec);
  if (gateways.v4 && gateways.v4 == gateway_of(network, Family::V4)) spec.gateway4 = gateways.v4;
  if (gateways.v6 && gateways.v6 == gateway_of(network, Family::V6)) spec.gateway6 = gateways.v6;
  Result<MacAddress> mac = create(*network, spec);
  if (!mac) return std::move(mac).error().in("network " + network->name());
  endpoint.mac = mac->text();
  auto sysctls = endpoint.spec.driver_opts.find(kSysctlOption);
  if (sysctls == endpoint.spec.driver_opts.end()) return {};
  return set_sysctls(spec.netns, sysctls->second, spec.name).in("network " + network->name());
}

Result<MacAddress> Interfaces::create(const Network& network, const net::VethSpec& spec) {
  if (!network.is_bridge()) {
    TRY_ASSIGN(net::ChildKind kind, network.child_kind());
    return net::attach_child(*state_.host, network.parent, kind, spec);
  }
  TRY_ASSIGN(net::Veth pair, net::attach(*state_.host, spec));
  return pair.mac;
}

Result<> Interfaces::unplug(const Container& container, const Endpoint& endpoint) {
  if (!state_.host || endpoint.endpoint_id.empty()) return {};
  NetworkPtr network = state_.by_id(endpoint.network_id);
  if (!network || network->is_bridge()) return net::detach(*state_.host, host_interface(endpoint));
  int netns = state_.netns_of(container);
  return netns < 0 ? Result<>() : net::detach_child(netns, endpoint.interface_name);
}

}  // namespace stack::engine
