#include "net/link/endpoint.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <algorithm>

#include "net/link/inside.h"
#include "net/link/link.h"
#include "net/link/namespace.h"
#include "net/link/rtnetlink.h"
#include "net/link/sysctl.h"

namespace stack::net {

MacAddress mac_for(const VethSpec& spec) {
  if (spec.mac) return *spec.mac;
  for (const Cidr& address : spec.addresses)
    if (address.address.is_v4()) return mac_of(address.address);
  return mac_of(spec.addresses.empty() ? IpAddress() : spec.addresses.front().address);
}

namespace {

constexpr uint32_t kDefaultLinkMtu = 1500;
constexpr int kAttempts = 250;          // of wait_until_running(): 50 ms
constexpr uint32_t kLoopbackIndex = 1;  // lo is the first device of every namespace

// Creates both ends in one message, with the container's end already in its namespace, because moving a link later costs
// 14 ms. The kernel rejects IFF_UP for that end here (ENOTCONN), so it is brought up with the addresses.
Message create_message(const VethSpec& spec, uint32_t bridge_index) {
  const uint32_t mtu = spec.mtu != 0 ? spec.mtu : kDefaultLinkMtu;
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 1024);
  ifinfomsg header{};
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  message.header(header).put_text(IFLA_IFNAME, spec.host_name);
  message.put_u32(IFLA_MASTER, bridge_index).put_u32(IFLA_MTU, mtu);
  message.nest(IFLA_LINKINFO, [&] {
    message.put_text(IFLA_INFO_KIND, "veth");
    message.nest(IFLA_INFO_DATA, [&] {
      message.nest(VETH_INFO_PEER, [&] {
        message.header(ifinfomsg{});
        const MacAddress mac = mac_for(spec);
        message.put_text(IFLA_IFNAME, spec.name).put_u32(IFLA_MTU, mtu);
        message.put(IFLA_ADDRESS, mac.bytes.data(), mac.bytes.size());
        message.put_u32(IFLA_NET_NS_FD, static_cast<uint32_t>(spec.netns));
      });
    });
  });
  return message;
}

// Port flags require a separate message, because the kernel reads them only for an existing port. Hairpin: with
// bridge-nf-call-iptables, the bridge returns a container's connection to its own published port on the same port.
Message port_message(const VethSpec& spec) {
  Message message(RTM_NEWLINK, 0, 256);
  message.header(ifinfomsg{}).put_text(IFLA_IFNAME, spec.host_name);
  message.nest(IFLA_LINKINFO, [&] {
    message.put_text(IFLA_INFO_SLAVE_KIND, "bridge");
    message.nest(IFLA_INFO_SLAVE_DATA, [&] {
      message.put_u8(IFLA_BRPORT_MODE, 1).put_u8(IFLA_BRPORT_ISOLATED, spec.isolated ? 1 : 0);
    });
  });
  return message;
}

// A bridge port does not need an IPv6 address. Also a separate message; it is early enough, because there is no carrier
// before the other end is up.
Message no_address_message(const VethSpec& spec) {
  Message message(RTM_NEWLINK, 0, 256);
  message.header(ifinfomsg{}).put_text(IFLA_IFNAME, spec.host_name);
  message.nest(IFLA_AF_SPEC, [&] {
    message.nest(AF_INET6, [&] { message.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
  });
  return message;
}

Result<> first_failure(const std::vector<Answer>& answers, std::span<const std::string> steps) {
  for (size_t i = 0; i < answers.size(); ++i)
    if (answers[i].error != 0) return netlink_error(steps[i], answers[i].error, answers[i].text);
  return {};
}

Result<> create_pair(Host& host, const VethSpec& spec, uint32_t bridge_index) {
  const std::vector<std::string> steps{"create interface pair " + spec.host_name + " - " + spec.name,
                                       "set bridge port flags of " + spec.host_name};
  for (const bool last_try : {false, true}) {
    std::vector<Message> messages;
    messages.push_back(create_message(spec, bridge_index));
    messages.push_back(port_message(spec));
    messages.push_back(no_address_message(spec));
    TRY_ASSIGN(auto answers, host.route().send_all(messages));
    answers.pop_back();  // without IPv6, the kernel rejects the last message, which is not needed then
    auto done = first_failure(answers, steps);
    if (done) return done;
    TRY_ASSIGN(const auto present, find_link(host, spec.host_name));
    const bool stale = answers[0].error == EEXIST && present.has_value();
    if (stale && present->kind != "veth") return done;
    // Either an interface of a killed engine exists, or ours is incomplete.
    if (present) TRY(detach(host, spec.host_name));
    if (answers[0].error == EEXIST && !stale)
      return conflict("the container already has a network interface " + spec.name);
    if (!stale || last_try) return done;
  }
  return {};
}

// Configures everything inside in one send: lo, addresses, up, routes.
Result<> configure_inside(NetlinkSocket& inside, const VethSpec& spec, uint32_t index) {
  std::vector<Message> messages;
  std::vector<std::string> steps;
  const auto add = [&](Message message, std::string step) {
    messages.push_back(std::move(message));
    steps.push_back(std::move(step));
  };
  add(set_link_up(kLoopbackIndex), "bring up lo");
  for (const Cidr& address : spec.addresses)
    add(new_address(index, address), "set address " + address.text());
  add(set_link_up(index), "bring up " + spec.name);
  // Replaces a default route that a running container has over another network, as the caller decided.
  for (const auto& gateway : {spec.gateway4, spec.gateway6})
    if (gateway) add(new_default_route(*gateway, index, true), "set default route via " + gateway->text());
  for (const StaticRoute& route : spec.routes)
    add(new_route(route.destination, route.gateway, index, true), "set route to " + route.destination.text());
  TRY_ASSIGN(const auto answers, inside.send_all(messages));
  return first_failure(answers, steps);
}

bool has_ipv6(const VethSpec& spec) {
  return std::any_of(spec.addresses.begin(), spec.addresses.end(),
                     [](const Cidr& address) { return !address.address.is_v4(); });
}

// Runs inside the container's namespace. Disables router advertisements, which are untrusted, and address probing, because
// the pool guarantees unique addresses. Best effort: a kernel without IPv6 does not have these files.
void set_ipv6_parameters(const VethSpec& spec) {
  const std::string folder = "/proc/sys/net/ipv6/conf/" + spec.name + "/";
  const auto set = [&](const char* name, std::string_view value) {
    const Fd file(open((folder + name).c_str(), O_WRONLY | O_CLOEXEC));
    if (file) (void)write_all(file.get(), value);
  };
  if (!has_ipv6(spec)) return set("disable_ipv6", "1");
  set("accept_ra", "0");
  set("accept_dad", "0");
}

// The carrier comes up in this order: container, port, bridge.
Result<> wait_for_carrier(Host& host, const VethSpec& spec) {
  TRY(wait_until_running(host, spec.host_name, kAttempts));
  TRY(wait_until_running(host, spec.bridge, kAttempts));
  return {};
}

Result<> check(const VethSpec& spec) {
  TRY(check_interface_name(spec.host_name));
  TRY(check_interface_name(spec.name));
  if (spec.gateway4 && !spec.gateway4->is_v4()) return invalid("gateway4 is not an IPv4 address");
  if (spec.gateway6 && spec.gateway6->is_v4()) return invalid("gateway6 is not an IPv6 address");
  return {};
}

}  // namespace

Result<> set_up_inside(const VethSpec& spec) {
  auto entered = EnteredNamespace::enter(spec.netns);
  if (!entered) return std::move(entered).error();
  TRY_ASSIGN(auto inside, Host::open());
  const unsigned index = if_nametoindex(spec.name.c_str());
  if (index == 0) return Error::last_errno("look up " + spec.name + " in the container");
  set_ipv6_parameters(spec);
  TRY(configure_inside(inside.route(), spec, index));
  TRY(wait_until_running(inside, spec.name, kAttempts));
  return {};
}

Result<Veth> attach(Host& host, const VethSpec& spec) {
  const std::string context = "endpoint " + spec.host_name;
  TRY(check(spec).in(context));
  TRY_ASSIGN(const auto bridge, find_link(host, spec.bridge));
  if (!bridge || bridge->kind != "bridge") return not_found(context + ": no bridge " + spec.bridge);
  TRY(create_pair(host, spec, bridge->index).in(context));
  auto configured = set_up_inside(spec);
  if (configured) configured = wait_for_carrier(host, spec);
  if (!configured) {
    (void)detach(host, spec.host_name);
    return std::move(configured).error().in(context);
  }
  TRY_ASSIGN(const auto made, find_link(host, spec.host_name));
  if (!made) return not_found(context + ": it disappeared");
  return Veth{made->index, mac_for(spec)};
}

Result<std::string> endpoint_problem(Host& host, const std::string& host_name, const std::string& bridge) {
  TRY_ASSIGN(const auto link, find_link(host, host_name));
  if (!link) return "its interface " + host_name + " was removed";
  if (!link->up) return "its interface " + host_name + " is down";
  TRY_ASSIGN(const auto master, find_link(host, bridge));
  if (!master || link->master != master->index)
    return "its interface " + host_name + " is not on bridge " + bridge;
  return std::string();
}

Result<> reattach(Host& host, const VethSpec& spec) {
  const std::string context = "endpoint " + spec.host_name;
  TRY_ASSIGN(const auto bridge, find_link(host, spec.bridge));
  if (!bridge) return Error(context + ": no bridge " + spec.bridge);
  TRY_ASSIGN(const auto link, find_link(host, spec.host_name));
  if (!link) return not_found(context + ": it no longer exists");
  Message enslave(RTM_NEWLINK, 0, 256);
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(link->index);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  enslave.header(header).put_u32(IFLA_MASTER, bridge->index);
  TRY(host.route().request(enslave, "bring up " + spec.host_name).in(context));
  Message port = port_message(spec);
  return host.route().request(port, "set bridge port flags of " + spec.host_name).in(context);
}

Result<> detach(Host& host, const std::string& host_name) {
  TRY(check_interface_name(host_name));
  Message message(RTM_DELLINK, 0, 256);
  message.header(ifinfomsg{}).put_text(IFLA_IFNAME, host_name);
  auto removed = host.route().request(message, "remove interface " + host_name);
  if (!removed && removed.error().code() != ENODEV) return removed;
  return {};
}

Result<std::string> free_interface_name(int netns, const std::string& prefix) {
  TRY_ASSIGN(auto inside, Host::open(netns));
  TRY_ASSIGN(const auto links, list_links(inside, prefix));
  for (size_t number = 0;; ++number) {
    const std::string name = prefix + std::to_string(number);
    const bool taken =
        std::any_of(links.begin(), links.end(), [&](const Link& link) { return link.name == name; });
    if (taken) continue;
    TRY(check_interface_name(name));
    return name;
  }
}

Result<> set_default_routes(int netns, const DefaultGateways& gateways) {
  TRY_ASSIGN(auto inside, Host::open(netns));
  std::vector<Message> messages;
  for (const Family family : {Family::V4, Family::V6}) {
    const auto& gateway = family == Family::V4 ? gateways.v4 : gateways.v6;
    messages.push_back(gateway ? new_default_route(*gateway, 0, true) : delete_default_route(family));
  }
  TRY_ASSIGN(const auto answers, inside.route().send_all(messages));
  for (size_t i = 0; i < answers.size(); ++i) {
    const bool removal = !(i == 0 ? gateways.v4 : gateways.v6);
    // There was no such route, no table, or no IPv6.
    const int error = answers[i].error;
    const bool absent = error == ESRCH || error == ENOENT || error == EAFNOSUPPORT;
    if (error != 0 && !(removal && absent))
      return netlink_error("set default route", answers[i].error, answers[i].text);
  }
  return {};
}

}  // namespace stack::net
