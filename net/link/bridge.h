// Bridges: one per network, on the host's side.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/address.h"
#include "net/link/host.h"
#include "net/link/link.h"

namespace stack::net {

// A Linux bridge has so many ports and no more (BR_MAX_PORTS in net/bridge/br_private.h; port 0 is not used).
inline constexpr size_t kMostBridgePorts = 1023;

struct BridgeSubnet {
  Cidr subnet;
  std::optional<IpAddress> gateway;  // the bridge's own address there; none: it gets no address
};

// A bridge network as bridge.h and firewall.h need it.
struct BridgeSpec {
  std::string name;  // interface name, "br-<12 hex of the network id>"
  std::string id;    // network id; the bridge's MAC is derived from it
  std::vector<BridgeSubnet> subnets;
  uint32_t mtu = 0;        // 0: 1500
  bool internal = false;   // nothing in from outside, nothing out
  bool icc = true;         // containers of the network reach each other
  bool masquerade = true;  // outgoing traffic carries the host's address
};

// Makes the bridge, or makes an existing one fit the spec: up, MAC, MTU, exactly the spec's addresses, no
// IPv6 where the network has none, router advertisements of containers never heard (CVE-2020-13401).
// Idempotent. Conflict where another kind of interface has the name.
Result<Link> ensure_bridge(Host& host, const BridgeSpec& spec);

// What another program did to it: "" = nothing.
Result<std::string> bridge_problem(Host& host, const BridgeSpec& spec);

// Missing is success. Takes some 30 ms under the kernel's global lock: off the loop, and many with
// remove_links().
Result<> remove_bridge(Host& host, const std::string& name);

}  // namespace stack::net
