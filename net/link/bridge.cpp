#include "net/link/bridge.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>

#include "base/identity.h"
#include "net/link/route.h"
#include "net/link/rtnetlink.h"
#include "net/link/sysctl.h"

namespace stack::net {
namespace {

constexpr uint32_t kDefaultMtu = 1500;

uint32_t mtu_of(const BridgeSpec& spec) { return spec.mtu != 0 ? spec.mtu : kDefaultMtu; }

// Set at creation, because otherwise the kernel uses the MAC of the lowest port and changes it with the ports. Derived
// from the ID, so that a bridge recreated after a reboot has the same MAC.
MacAddress mac_of_bridge(const BridgeSpec& spec) {
  const std::string digest = sha256_hex(spec.id.empty() ? spec.name : spec.id);
  MacAddress mac{{0x06, 0x42, 0, 0, 0, 0}};
  for (size_t i = 0; i < 4; ++i)
    mac.bytes[i + 2] = static_cast<uint8_t>(std::stoul(digest.substr(i * 2, 2), nullptr, 16));
  return mac;
}

Message create_message(const BridgeSpec& spec) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 1024);
  ifinfomsg header{};
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  message.header(header);
  const MacAddress mac = mac_of_bridge(spec);
  message.put_text(IFLA_IFNAME, spec.name).put(IFLA_ADDRESS, mac.bytes.data(), mac.bytes.size());
  message.put_u32(IFLA_MTU, mtu_of(spec));
  message.nest(IFLA_LINKINFO, [&] {
    message.put_text(IFLA_INFO_KIND, "bridge");
    message.nest(IFLA_INFO_DATA, [&] {
      message.put_u32(IFLA_BR_STP_STATE, 0).put_u32(IFLA_BR_FORWARD_DELAY, 0);
      // Such bridges rarely have a querier, and without one, snooping loses multicast packets.
      message.put_u8(IFLA_BR_MCAST_SNOOPING, 0);
    });
  });
  return message;
}

Message repair_message(const BridgeSpec& spec, uint32_t index) {
  Message message(RTM_NEWLINK, 0, 256);
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  message.header(header);
  const MacAddress mac = mac_of_bridge(spec);
  message.put(IFLA_ADDRESS, mac.bytes.data(), mac.bytes.size()).put_u32(IFLA_MTU, mtu_of(spec));
  return message;
}

bool has_ipv6(const BridgeSpec& spec) {
  return std::any_of(spec.subnets.begin(), spec.subnets.end(),
                     [](const BridgeSubnet& subnet) { return !subnet.subnet.address.is_v4(); });
}

// fe80::/64 with the MAC in the interface identifier (RFC 4291, appendix A).
Cidr link_local_address(const MacAddress& mac) {
  const auto& m = mac.bytes;
  const auto first = static_cast<uint8_t>(m[0] ^ 2);
  return {IpAddress::v6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, first, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}), 64};
}

std::vector<Cidr> wanted_addresses(const BridgeSpec& spec) {
  std::vector<Cidr> wanted;
  if (has_ipv6(spec)) wanted.push_back(link_local_address(mac_of_bridge(spec)));
  for (const BridgeSubnet& subnet : spec.subnets)
    if (subnet.gateway) wanted.push_back({*subnet.gateway, subnet.subnet.prefix});
  std::sort(wanted.begin(), wanted.end());
  return wanted;
}

// Addresses of one interface.
Result<std::vector<Cidr>> addresses_of(Host& host, uint32_t index) {
  std::vector<Cidr> addresses;
  Message message(RTM_GETADDR, NLM_F_DUMP, 256);
  ifaddrmsg header{};
  header.ifa_index = index;
  message.header(header);
  TRY(host.route().query(message, "list addresses", [&](const nlmsghdr& answer) {
    const auto& address = header_of<ifaddrmsg>(answer);
    if (answer.nlmsg_type != RTM_NEWADDR || address.ifa_index != index) return;
    const auto attributes = parse_attributes(answer, sizeof(ifaddrmsg), IFA_LOCAL);
    const auto bytes =
        bytes_of(attributes[IFA_LOCAL] != nullptr ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS]);
    if (auto parsed = address_from(bytes)) addresses.push_back({*parsed, address.ifa_prefixlen});
  }));
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

// Removes unwanted addresses first, because a former subnet may overlap the new one.
Result<> set_addresses(Host& host, const BridgeSpec& spec, uint32_t index, bool created) {
  std::vector<Cidr> present;
  if (!created) {
    TRY_ASSIGN(present, addresses_of(host, index));
  }
  const std::vector<Cidr> wanted = wanted_addresses(spec);
  std::vector<Message> messages;
  for (const Cidr& address : present)
    if (!std::binary_search(wanted.begin(), wanted.end(), address))
      messages.push_back(delete_address(index, address));
  for (const Cidr& address : wanted)
    if (!std::binary_search(present.begin(), present.end(), address))
      messages.push_back(new_address(index, address));
  if (messages.empty()) return {};
  TRY_ASSIGN(const auto answers, host.route().send_all(messages));
  for (const Answer& answer : answers)
    if (answer.error != 0) return netlink_error("set its addresses", answer.error, answer.text);
  return {};
}

bool is_single_address(const Cidr& address) { return address.prefix == address.address.bits(); }

// The addresses whose route over the bridge is missing. The kernel adds such a route with each address.
Result<std::vector<Cidr>> addresses_without_route(Host& host, const BridgeSpec& spec, uint32_t index) {
  std::vector<Cidr> lost;
  for (const Family family : {Family::V4, Family::V6}) {
    std::vector<Cidr> wanted = wanted_addresses(spec);
    std::erase_if(wanted, [&](const Cidr& address) { return address.family() != family || is_single_address(address); });
    if (wanted.empty()) continue;
    TRY_ASSIGN(const auto routes, routes_over(host, index, family));
    for (const Cidr& address : wanted)
      if (std::find(routes.begin(), routes.end(), address.network()) == routes.end()) lost.push_back(address);
  }
  return lost;
}

Result<> restore_routes(Host& host, const BridgeSpec& spec, uint32_t index) {
  TRY_ASSIGN(const auto lost, addresses_without_route(host, spec, index));
  std::vector<Message> messages;
  for (const Cidr& address : lost) {
    messages.push_back(delete_address(index, address));
    messages.push_back(new_address(index, address));
  }
  if (messages.empty()) return {};
  TRY_ASSIGN(const auto answers, host.route().send_all(messages));
  for (const Answer& answer : answers)
    if (answer.error != 0) return netlink_error("restore its routes", answer.error, answer.text);
  return {};
}

Result<> set_ipv6_parameters(Host& host, const BridgeSpec& spec) {
  const std::string folder = "ipv6/conf/" + spec.name + "/";
  // A kernel without IPv6 does not have this file.
  if (!read_sysctl(host.netns(), folder + "disable_ipv6")) return {};
  TRY(write_sysctl(host.netns(), folder + "accept_ra", "0"));
  // Sets the link-local address explicitly: a generated one stays tentative for a second after the first container starts,
  // and until then the host forwards nothing, because neighbor discovery uses that address.
  TRY(write_sysctl(host.netns(), folder + "addr_gen_mode", "1"));
  return write_sysctl(host.netns(), folder + "disable_ipv6", has_ipv6(spec) ? "0" : "1");
}

}  // namespace

Result<Link> ensure_bridge(Host& host, const BridgeSpec& spec) {
  const std::string context = "bridge " + spec.name;
  TRY(check_interface_name(spec.name));
  Message create = create_message(spec);
  auto made = host.route().request(create, "create");
  if (!made && made.error().code() != EEXIST) return std::move(made).error().in(context);
  auto link = find_link(host, spec.name);
  if (!link) return std::move(link).error().in(context);
  if (!*link) return not_found(context + ": it disappeared");
  if ((*link)->kind != "bridge") return conflict(context + ": another network interface has this name");

  const bool created = made.has_value();
  if (!created && (!(*link)->up || (*link)->mac != mac_of_bridge(spec) || (*link)->mtu != mtu_of(spec))) {
    Message repair = repair_message(spec, (*link)->index);
    TRY(host.route().request(repair, "bring up").in(context));
  }
  TRY(set_ipv6_parameters(host, spec).in(context));
  TRY(set_addresses(host, spec, (*link)->index, created).in(context));
  if (!created) TRY(restore_routes(host, spec, (*link)->index).in(context));
  TRY_ASSIGN(link, find_link(host, spec.name));
  if (!*link) return not_found(context + ": it disappeared");
  return **link;
}

Result<std::string> bridge_problem(Host& host, const BridgeSpec& spec) {
  TRY_ASSIGN(const auto link, find_link(host, spec.name));
  if (!link) return "bridge " + spec.name + " was removed";
  if (link->kind != "bridge") return "another network interface has the name " + spec.name;
  if (!link->up) return "bridge " + spec.name + " is down";
  TRY_ASSIGN(const std::vector<Cidr> present, addresses_of(host, link->index));
  for (const Cidr& address : wanted_addresses(spec))
    if (!std::binary_search(present.begin(), present.end(), address))
      return "bridge " + spec.name + " has lost its address " + address.text();
  TRY_ASSIGN(const std::vector<Cidr> lost, addresses_without_route(host, spec, link->index));
  if (!lost.empty()) return "bridge " + spec.name + " has lost its route to " + lost.front().network().text();
  return std::string();
}

Result<> remove_bridge(Host& host, const std::string& name) { return remove_links(host, {&name, 1}); }

}  // namespace stack::net
