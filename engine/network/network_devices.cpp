#include "engine/network/network_devices.h"

#include "base/log.h"
#include "net/link/link.h"
#include "net/link/sysctl.h"

namespace stack::engine {

Result<> NetworkDevices::name(Network& network) {
  const std::string& driver = network.request.driver;
  const std::string short_id = network.id.substr(0, 12);
  if (driver == "macvlan" || driver == "ipvlan") {
    TRY(network.child_kind().in("network " + network.name()));
    network.parent = network.option("parent");
    // Like Docker: a network without a parent uses a dummy interface.
    if (network.parent.empty()) network.parent = "dm-" + short_id;
    return net::check_interface_name(network.parent);
  }
  if (driver != "bridge")
    return unsupported("network " + network.name() + ": driver \"" + driver +
                       "\" is not supported; use bridge, macvlan, or ipvlan");
  network.bridge = network.option("com.docker.network.bridge.name");
  if (network.bridge.empty()) network.bridge = "br-" + short_id;
  for (Family family : {Family::V4, Family::V6}) TRY(network.outside(family).in("network " + network.name()));
  for (const std::string& trusted : network.bridge_spec().trusted_interfaces)
    TRY(net::check_interface_name(trusted).in("trusted_host_interfaces"));
  return net::check_interface_name(network.bridge);
}

Result<> NetworkDevices::ensure_ready(Network& network) {
  if (network.ready) return {};
  if (network.is_bridge()) {
    TRY(make_bridge(network).in("network " + network.name()));
  } else {
    TRY(state_.open_host());
    TRY_ASSIGN(bool made, net::ensure_parent(*state_.host, network.parent, network.option("parent").empty()));
    network.made_parent = network.made_parent || made;
  }
  network.ready = true;
  return {};
}

Result<> NetworkDevices::make_bridge(const Network& network) {
  TRY(firewall_.open());
  if (network.request.enable_ipv6) {
    TRY_ASSIGN(bool was_off, net::enable_ipv6_forwarding(*state_.host));
    (void)was_off;
  }
  net::BridgeSpec spec = network.bridge_spec();
  TRY_ASSIGN(net::Link link, net::ensure_bridge(*state_.host, spec));
  (void)link;
  return state_.firewall->add_network(spec);
}

std::vector<net::BridgeSpec> NetworkDevices::adopt() {
  std::vector<net::BridgeSpec> specs;
  for (const auto& [id, network] : state_.networks) {
    if (!network->is_bridge()) continue;
    Result<std::optional<net::Link>> link = net::find_link(*state_.host, network->bridge);
    if (state_.users_of(*network).empty() && (!link || !*link)) continue;
    net::BridgeSpec spec = network->bridge_spec();
    Result<net::Link> bridge = net::ensure_bridge(*state_.host, spec);
    if (!bridge) {
      log_error("network " + network->name() + ": " + bridge.error().text());
      continue;
    }
    specs.push_back(spec);
    network->ready = true;
  }
  return specs;
}

std::vector<std::string> NetworkDevices::owned_by(const Network& network) {
  if (network.is_bridge()) return {network.bridge};
  return network.made_parent ? std::vector<std::string>{network.parent} : std::vector<std::string>{};
}

}  // namespace stack::engine
