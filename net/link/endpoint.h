// Endpoints: a container's interface on a bridge network.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/address.h"
#include "net/link/host.h"

namespace stack::net {

struct StaticRoute {
  Cidr destination;
  IpAddress gateway;
};

struct VethSpec {
  std::string host_name;              // host's end, "v<12 hex of the endpoint id>"
  std::string name = "eth0";          // container's end
  int netns = -1;                     // the container's namespace; borrowed
  std::string bridge;                 // interface name of the bridge
  std::vector<Cidr> addresses;        // with the subnet's prefix; IPv4 and IPv6; may be empty
  std::optional<MacAddress> mac;      // none: mac_of() the first IPv4 (else first) address
  std::optional<IpAddress> gateway4;  // default routes; none for internal networks and networks that are not
  std::optional<IpAddress> gateway6;  // the default gateway network of the container
  uint32_t mtu = 0;                   // 0: 1500
  std::vector<StaticRoute> routes;
  bool isolated = false;  // icc is off: reaches the host and the outside, but no neighbor
};

struct Veth {
  uint32_t host_index = 0;
  MacAddress mac;
};

// Creates the container's interface, up and routed, and brings up `lo`. Usable immediately: no DAD, no waiting. Works for a
// namespace without processes and for a running container (network connect). Undoes partial work on failure. Replaces an
// interface with the same host_name left by a killed engine. NotFound: no such bridge. Conflict: the container already has
// an interface of this name. Takes about 1 ms.
Result<Veth> attach(Host& host, const VethSpec& spec);

// The fault of the host's end of an interface; "" = it is up and on the bridge.
Result<std::string> endpoint_problem(Host& host, const std::string& host_name, const std::string& bridge);
// Brings up the host's end and attaches it to its bridge again (uses host_name, bridge, and isolated of the spec).
// NotFound if it no longer exists, and with it the container's end: attach() creates both again.
Result<> reattach(Host& host, const VethSpec& spec);

// Removes both ends of the interface. Idempotent. Takes about 16 ms; when the whole container is removed, destroy its
// namespace instead.
Result<> detach(Host& host, const std::string& host_name);

// The first unused name of "eth0", "eth1", ... in the namespace.
Result<std::string> free_interface_name(int netns, const std::string& prefix = "eth");

// The default gateways of a namespace, by family.
struct DefaultGateways {
  std::optional<IpAddress> v4;
  std::optional<IpAddress> v6;

  bool operator==(const DefaultGateways&) const = default;
};

// Replaces the default routes, for connect and disconnect of a running container.
// A missing gateway removes that family's default route.
Result<> set_default_routes(int netns, const DefaultGateways& gateways);

}  // namespace stack::net
