// Bridges on the host, one per network.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/address.h"
#include "net/link/host.h"
#include "net/link/link.h"

namespace stack::net {

// Maximum number of ports of a Linux bridge (BR_MAX_PORTS in net/bridge/br_private.h; port 0 is not used).
inline constexpr size_t kMostBridgePorts = 1023;

struct BridgeSubnet {
  Cidr subnet;
  std::optional<IpAddress> gateway;  // the bridge's address in the subnet; none: no address
};

// The path between a network and the outside, per address family; Docker's gateway_mode_ipv4 and gateway_mode_ipv6.
enum class GatewayMode {
  Nat,             // source NAT to the outside; only published ports from the outside, by destination NAT
  NatUnprotected,  // as Nat, and all addresses and ports of the containers can be reached directly
  Routed,          // no NAT; the container's published ports can be reached at its own address
  Isolated,        // of internal networks: the bridge has no address, so that not even the host reaches the network
};

// The outside of a network in one address family.
struct BridgeOutside {
  GatewayMode mode = GatewayMode::Nat;
  std::optional<IpAddress> source;  // of outgoing traffic; none: the address of the host's outgoing interface
};

// A bridge network, as used by bridge.h and firewall.h.
struct BridgeSpec {
  std::string name;  // interface name, "br-<12 hex of the network id>"
  std::string id;    // network id; the bridge's MAC is derived from it
  std::vector<BridgeSubnet> subnets;
  uint32_t mtu = 0;        // 0: 1500
  bool internal = false;   // no traffic from or to the outside
  bool icc = true;         // containers on the network can reach each other
  bool masquerade = true;  // outgoing traffic has the host's address
  BridgeOutside v4, v6;
  // Interfaces of the host from which published ports can be reached at the container's own address, as in routed mode.
  std::vector<std::string> trusted_interfaces;

  const BridgeOutside& outside(Family family) const { return family == Family::V4 ? v4 : v6; }
};

// Creates the bridge, or adjusts an existing one to the spec: up, MAC, MTU, exactly the spec's addresses, IPv6 only if the
// network has it, and router advertisements from containers ignored (CVE-2020-13401). Idempotent. Conflict if another kind
// of interface has the name.
Result<Link> ensure_bridge(Host& host, const BridgeSpec& spec);

// The damage to the bridge caused by another program; "" = none.
Result<std::string> bridge_problem(Host& host, const BridgeSpec& spec);

// Idempotent. Takes about 30 ms under the kernel's global lock: do not call on the event loop; use remove_links() for many.
Result<> remove_bridge(Host& host, const std::string& name);

}  // namespace stack::net
