// Internal to engine/network: the host's interfaces of networks (bridges, parents of macvlan and ipvlan), and the choice
// of subnets.
#pragma once

#include <string>
#include <vector>

#include "engine/network/firewall_guard.h"
#include "engine/network/network_state.h"

namespace stack::engine {

class NetworkDevices {
 public:
  NetworkDevices(NetworkState& state, FirewallGuard& firewall) : state_(state), firewall_(firewall) {}

  // Names the interfaces that the network has or needs, by its driver and options.
  static Result<> name(Network& network);
  // Sets up the bridge and its firewall entries, or the parent interface. Idempotent.
  Result<> ensure_ready(Network& network);
  // The bridges that are in use or still exist.
  std::vector<net::BridgeSpec> adopt();
  // The interfaces that are removed with the network.
  static std::vector<std::string> owned_by(const Network& network);

 private:
  Result<> make_bridge(const Network& network);

  NetworkState& state_;
  FirewallGuard& firewall_;
};

// Chooses the subnets of a new network. Conflict if a requested one overlaps with another network. Requires the host.
Result<> choose_pools(const NetworkState& state, Network& network);

}  // namespace stack::engine
