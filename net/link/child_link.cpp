#include "net/link/child_link.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <map>

#include "base/text.h"
#include "net/link/inside.h"
#include "net/link/link.h"
#include "net/link/namespace.h"
#include "net/link/rtnetlink.h"

namespace stack::net {
namespace {

Result<uint32_t> choose(const std::map<std::string, uint32_t>& values, const std::string& word,
                        const char* what) {
  const auto found = values.find(word);
  if (found != values.end()) return found->second;
  return invalid(std::string(what) + " \"" + word + "\" is not supported");
}

Message child_message(uint32_t parent, const ChildKind& kind, const VethSpec& spec) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 512);
  message.header(ifinfomsg{}).put_text(IFLA_IFNAME, spec.name);
  message.put_u32(IFLA_LINK, parent).put_u32(IFLA_NET_NS_FD, static_cast<uint32_t>(spec.netns));
  if (spec.mtu != 0) message.put_u32(IFLA_MTU, spec.mtu);
  if (!kind.ipvlan) {
    const MacAddress mac = mac_for(spec);
    message.put(IFLA_ADDRESS, mac.bytes.data(), mac.bytes.size());
  }
  message.nest(IFLA_LINKINFO, [&] {
    message.put_text(IFLA_INFO_KIND, kind.ipvlan ? "ipvlan" : "macvlan");
    message.nest(IFLA_INFO_DATA, [&] {
      if (!kind.ipvlan) {
        message.put_u32(IFLA_MACVLAN_MODE, kind.mode);
        return;
      }
      message.put_u16(IFLA_IPVLAN_MODE, static_cast<uint16_t>(kind.mode));
      message.put_u16(IFLA_IPVLAN_FLAGS, kind.flags);
    });
  });
  return message;
}

Message parent_message(const std::string& name, const Link* base, uint16_t vlan) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 512);
  ifinfomsg header{};
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  message.header(header).put_text(IFLA_IFNAME, name);
  if (base != nullptr) message.put_u32(IFLA_LINK, base->index);
  message.nest(IFLA_LINKINFO, [&] {
    // Without a base: a bridge without ports, because not every kernel has "dummy".
    message.put_text(IFLA_INFO_KIND, base != nullptr ? "vlan" : "bridge");
    if (base == nullptr) return;
    message.nest(IFLA_INFO_DATA, [&] { message.put_u16(IFLA_VLAN_ID, vlan); });
  });
  return message;
}

// 10 for "eth0.10"; 0 if the name has another form.
uint16_t vlan_of(const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return 0;
  const std::string number = name.substr(dot + 1);
  if (!is_all_digits(number) || number.size() > 4) return 0;
  const int vlan = std::stoi(number);
  return vlan <= 4094 ? static_cast<uint16_t>(vlan) : 0;
}

}  // namespace

Result<ChildKind> macvlan_kind(const std::string& mode) {
  static const std::map<std::string, uint32_t> modes{{"", MACVLAN_MODE_BRIDGE},
                                                     {"bridge", MACVLAN_MODE_BRIDGE},
                                                     {"private", MACVLAN_MODE_PRIVATE},
                                                     {"vepa", MACVLAN_MODE_VEPA},
                                                     {"passthru", MACVLAN_MODE_PASSTHRU}};
  ChildKind kind;
  TRY_ASSIGN(kind.mode, choose(modes, mode, "macvlan_mode"));
  return kind;
}

Result<ChildKind> ipvlan_kind(const std::string& mode, const std::string& flag) {
  static const std::map<std::string, uint32_t> modes{
      {"", IPVLAN_MODE_L2}, {"l2", IPVLAN_MODE_L2}, {"l3", IPVLAN_MODE_L3}, {"l3s", IPVLAN_MODE_L3S}};
  static const std::map<std::string, uint32_t> flags{
      {"", 0}, {"bridge", 0}, {"private", IPVLAN_F_PRIVATE}, {"vepa", IPVLAN_F_VEPA}};
  ChildKind kind;
  kind.ipvlan = true;
  TRY_ASSIGN(kind.mode, choose(modes, mode, "ipvlan_mode"));
  TRY_ASSIGN(const uint32_t bits, choose(flags, flag, "ipvlan_flag"));
  kind.flags = static_cast<uint16_t>(bits);
  return kind;
}

Result<MacAddress> attach_child(Host& host, const std::string& parent, const ChildKind& kind,
                                const VethSpec& spec) {
  const std::string context = "interface " + spec.name + " on " + parent;
  TRY(check_interface_name(spec.name));
  TRY_ASSIGN(const auto link, find_link(host, parent));
  if (!link) return not_found(context + ": no such interface");
  Message create = child_message(link->index, kind, spec);
  TRY(host.route().request(create, "create").in(context));
  auto configured = set_up_inside(spec);
  if (!configured) {
    (void)detach_child(spec.netns, spec.name);
    return std::move(configured).error().in(context);
  }
  return kind.ipvlan ? link->mac : mac_for(spec);
}

Result<> detach_child(int netns, const std::string& name) {
  TRY_ASSIGN(auto inside, Host::open(netns));
  return remove_links(inside, {&name, 1});
}

Result<bool> ensure_parent(Host& host, const std::string& parent, bool unconnected) {
  const std::string context = "parent interface " + parent;
  TRY_ASSIGN(const auto present, find_link(host, parent));
  if (present) {
    if (present->up) return false;
    Message up = set_link_up(present->index);
    TRY(host.route().request(up, "bring up").in(context));
    return false;
  }
  const uint16_t vlan = unconnected ? uint16_t{0} : vlan_of(parent);
  std::optional<Link> base;
  if (vlan != 0) {
    TRY_ASSIGN(base, find_link(host, parent.substr(0, parent.rfind('.'))));
  }
  if (!base && !unconnected) return not_found(context + " does not exist");
  Message make = parent_message(parent, base ? &*base : nullptr, vlan);
  TRY(host.route().request(make, "create").in(context));
  return true;
}

}  // namespace stack::net
