#include "net/link/route.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

#include "net/link/link.h"

namespace stack::net {
namespace {

struct RouteEntry {
  Cidr destination;
  bool gateway = false;
  bool multipath = false;
  uint32_t interface = 0;
  uint8_t type = 0;
  uint32_t table = 0;
  uint32_t metric = 0;
};

RouteEntry read_route(const nlmsghdr& header) {
  const auto& route = header_of<rtmsg>(header);
  const auto attributes = parse_attributes(header, sizeof(rtmsg), RTA_VIA);
  RouteEntry entry;
  entry.destination.prefix = route.rtm_dst_len;
  if (route.rtm_family == AF_INET6) entry.destination.address = IpAddress::v6({});
  if (auto address = address_from(bytes_of(attributes[RTA_DST]))) entry.destination.address = *address;
  entry.gateway = attributes[RTA_GATEWAY] != nullptr || attributes[RTA_VIA] != nullptr;
  entry.multipath = attributes[RTA_MULTIPATH] != nullptr;
  entry.interface = u32_of(attributes[RTA_OIF]);
  entry.type = route.rtm_type;
  entry.table = attributes[RTA_TABLE] != nullptr ? u32_of(attributes[RTA_TABLE]) : route.rtm_table;
  entry.metric = u32_of(attributes[RTA_PRIORITY]);
  return entry;
}

// `interface` 0: all. The kernel filters.
Result<std::vector<RouteEntry>> main_table(Host& host, int family, uint32_t interface = 0) {
  std::vector<RouteEntry> entries;
  Message message(RTM_GETROUTE, NLM_F_DUMP, 256);
  rtmsg route{};
  route.rtm_family = static_cast<unsigned char>(family);
  route.rtm_table = RT_TABLE_MAIN;
  message.header(route);
  if (interface != 0) message.put_u32(RTA_OIF, interface);
  TRY(host.route().query(message, "list routes", [&](const nlmsghdr& header) {
    if (header.nlmsg_type != RTM_NEWROUTE) return;
    RouteEntry entry = read_route(header);
    if (entry.table == RT_TABLE_MAIN && entry.type == RTN_UNICAST) entries.push_back(entry);
  }));
  return entries;
}

// fe80::/10 is on every interface, and 169.254.0.0/16 on many.
bool is_link_local(const Cidr& subnet) {
  const auto bytes = subnet.address.bytes();
  if (subnet.address.is_v4()) return bytes[0] == 169 && bytes[1] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

}  // namespace

Result<std::vector<Cidr>> host_subnets(Host& host) {
  std::vector<Cidr> subnets;
  for (const int family : {AF_INET, AF_INET6}) {
    TRY_ASSIGN(const auto entries, main_table(host, family));
    for (const RouteEntry& entry : entries)
      if (!entry.gateway && !entry.multipath && entry.destination.prefix > 0 &&
          !is_link_local(entry.destination))
        subnets.push_back(entry.destination);
  }
  return subnets;
}

Result<std::vector<HostRoute>> host_routes(Host& host) {
  std::vector<HostRoute> routes;
  for (const int family : {AF_INET, AF_INET6}) {
    TRY_ASSIGN(const auto entries, main_table(host, family));
    for (const RouteEntry& entry : entries)
      if (entry.destination.prefix > 0)
        routes.push_back({entry.destination, entry.interface, !entry.gateway && !entry.multipath});
  }
  return routes;
}

Result<std::vector<Cidr>> routes_over(Host& host, uint32_t interface, Family family) {
  TRY_ASSIGN(const auto entries, main_table(host, family == Family::V4 ? AF_INET : AF_INET6, interface));
  std::vector<Cidr> destinations;
  for (const RouteEntry& entry : entries)
    if (entry.interface == interface) destinations.push_back(entry.destination);
  return destinations;
}

Result<uint32_t> default_route_mtu(Host& host) {
  TRY_ASSIGN(const auto entries, main_table(host, AF_INET));
  const RouteEntry* best = nullptr;
  for (const RouteEntry& entry : entries)
    if (entry.destination.prefix == 0 && entry.interface != 0 &&
        (best == nullptr || entry.metric < best->metric))
      best = &entry;
  if (best == nullptr) return 1500U;
  TRY_ASSIGN(const auto links, list_links(host));
  for (const Link& link : links)
    if (link.index == best->interface) return link.mtu;
  return 1500U;
}

}  // namespace stack::net
