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
  std::optional<IpAddress> gateway6;  // the container's way out
  uint32_t mtu = 0;                   // 0: 1500
  std::vector<StaticRoute> routes;
  bool isolated = false;  // the network has icc off: reaches the host and outside, no neighbour
};

struct Veth {
  uint32_t host_index = 0;
  MacAddress mac;
};

// Gives the container its interface, up and routed, with `lo` up as well; at once usable: no DAD, no waiting.
// Works for a namespace without processes as for a running container (network connect). Half-made is undone.
// An interface of the same host_name that a killed engine left is replaced.
// NotFound: no such bridge. Conflict: the container has an interface of this name. About 1 ms.
Result<Veth> attach(Host& host, const VethSpec& spec);

// What is wrong with the host's end of an interface: "" = it is up and on the bridge.
Result<std::string> endpoint_problem(Host& host, const std::string& host_name, const std::string& bridge);
// Brings the host's end up and puts it on its bridge again (host_name, bridge and isolated of the spec count). NotFound
// where it is gone, and with it the container's end: attach() makes both again.
Result<> reattach(Host& host, const VethSpec& spec);

// Removes the interface at both ends; missing is success. Some 16 ms; when the whole container goes, let its
// namespace die instead, which is free.
Result<> detach(Host& host, const std::string& host_name);

// "eth0", "eth1", ...: the first one that the namespace does not have.
Result<std::string> free_interface_name(int netns, const std::string& prefix = "eth");

// The way out of a namespace, by family.
struct DefaultGateways {
  std::optional<IpAddress> v4;
  std::optional<IpAddress> v6;

  bool operator==(const DefaultGateways&) const = default;
};

// Makes these the default routes (replacing others), for connect and disconnect of a running container.
// A missing gateway removes that family's default route.
Result<> set_default_routes(int netns, const DefaultGateways& gateways);

}  // namespace stack::net
