// Internal to engine/network: published ports. For each port, a socket in stack-proxy reserves it and serves connections
// that NAT cannot forward; the firewall forwards the rest.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/network/firewall_guard.h"
#include "engine/network/network_state.h"

namespace stack::engine {

class PublishedPorts {
 public:
  PublishedPorts(NetworkState& state, FirewallGuard& firewall) : state_(state), firewall_(firewall) {}

  // Takes the host's ports that the container publishes, and sets `published`.
  Result<> reserve(Container& container);
  // Binds the ports that stack-proxy does not serve yet.
  Result<> bind(const Container& container);
  // Forwards the ports to the present endpoints.
  Result<> follow(const Container& container);
  void release(Container& container);
  // What the firewall should forward.
  std::vector<net::PortForward> forwards_of(const Container& container) const;
  // The owner of this host port: a container or a host process; nullopt if it is free.
  std::optional<std::string> holder_of(const std::optional<IpAddress>& host_ip, uint16_t port,
                                       Protocol protocol) const;

  // Finds ports served by a stack-proxy that an earlier engine started.
  void find_relayed();
  // Drops ports of containers that exited while no engine was running.
  void drop_unknown();

 private:
  Result<> reserve_port(Container& container, const PortSpec& port);
  bool publishes_on_host(const Container& container, Family family) const;
  std::vector<IpAddress> host_addresses_of(const Container& container, const std::optional<IpAddress>& host_ip) const;
  Result<> relay(const Container& container, proxy::BoundPort socket, uint16_t container_port);
  std::optional<proxy::Target> relay_target(const Container& container, uint16_t container_port) const;
  std::string publisher_of(const std::optional<IpAddress>& host_ip, uint16_t port, Protocol protocol,
                           const Container* except) const;
  proxy::ProxyClient& relay_client();
  Task<> restore_relay();

  NetworkState& state_;
  FirewallGuard& firewall_;
  std::unique_ptr<proxy::ProxyClient> proxy_;  // stack-proxy, while ports are published
};

}  // namespace stack::engine
