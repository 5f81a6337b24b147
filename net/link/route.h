// Information from the host's routing table.
#pragma once

#include <cstdint>
#include <vector>

#include "model/address.h"
#include "net/link/host.h"

namespace stack::net {

// On-link destinations (routes without a gateway) in the main table, IPv4 and IPv6, without link-local and multicast; new
// subnets must avoid them. Excludes routes through a gateway, because VPNs announce whole private ranges.
Result<std::vector<Cidr>> host_subnets(Host& host);

struct HostRoute {
  Cidr destination;
  uint32_t interface = 0;
  bool on_link = false;  // without a gateway
};
// Routes of the main table except default routes, IPv4 and IPv6.
Result<std::vector<HostRoute>> host_routes(Host& host);

// Destinations of the routes of one family over an interface, in the main table.
Result<std::vector<Cidr>> routes_over(Host& host, uint32_t interface, Family family);

// MTU of the interface of the IPv4 default route; 1500 if there is none.
Result<uint32_t> default_route_mtu(Host& host);

}  // namespace stack::net
