#include "net/firewall/firewall.h"

#include <linux/netfilter/nf_conntrack_common.h>

#include <algorithm>
#include <map>
#include <set>

#include "net/firewall/conntrack.h"
#include "net/firewall/nftables.h"

namespace stack::net {
namespace {

using nft::Element;
using nft::Hook;
using nft::reg;
using nft::Rule;
using nft::Table;
using nft::Type;

// Sets of networks, by interface name.
constexpr std::string_view kBridges = "bridges";
constexpr std::string_view kInternal = "internal";
constexpr std::string_view kClosed = "closed";    // icc off
constexpr std::string_view kLoops = "loops";      // the pair (bridge, same bridge)
constexpr std::string_view kTrusted = "trusted";  // the pair (trusted interface, bridge)

// The sets and maps of one address family.
struct FamilySets {
  std::string_view masqueraded;  // networks
  std::string_view sources;      // networks with their address in the outside
  std::string_view open;         // networks in the mode NatUnprotected
  std::string_view routed;       // networks in the mode Routed
  std::string_view direct;       // (container address, protocol, port) that can be reached directly; also the chain's name
};
constexpr FamilySets kSets4{"masqueraded4", "sources4", "open4", "routed4", "direct4"};
constexpr FamilySets kSets6{"masqueraded6", "sources6", "open6", "routed6", "direct6"};
constexpr const FamilySets& sets_of(Family family) { return family == Family::V4 ? kSets4 : kSets6; }

constexpr std::string_view kNetworkSets[] = {
    kBridges,         kInternal,      kClosed,     kLoops,        kTrusted,           kSets4.masqueraded,
    kSets4.sources,   kSets4.open,    kSets4.routed, kSets6.masqueraded, kSets6.sources, kSets6.open,
    kSets6.routed};

// Published ports: on all host addresses, and on one host address.
constexpr std::string_view kPorts4 = "ports4";
constexpr std::string_view kPorts4At = "ports4_at";
constexpr std::string_view kPorts6 = "ports6";
constexpr std::string_view kPorts6At = "ports6_at";
constexpr std::string_view kLoopbackPorts = "loopback_ports";
constexpr std::string_view kPortMaps[] = {kPorts4, kPorts4At, kPorts6, kPorts6At};

constexpr uint8_t kLoopbackNet = 127;

using Changes = std::map<std::string_view, std::vector<Element>>;

// Sets of pairs of interface names, of which the second one is the network's.
bool is_pair(std::string_view set) { return set == kLoops || set == kTrusted; }

Table table_of(const std::string& name) { return {nft::TableFamily::Inet, name}; }

bool is_wildcard(const PortForward& forward) { return !forward.host_ip || forward.host_ip->is_unspecified(); }

// ---- the description: table, sets, chains, rules

std::vector<Message> set_messages(const Table& table) {
  const std::vector<Type> name{Type::InterfaceName};
  const std::vector<Type> pair{Type::InterfaceName, Type::InterfaceName};
  const std::vector<Type> port{Type::Protocol, Type::Port};
  std::vector<Message> batch;
  uint32_t id = 0;
  for (const std::string_view set : kNetworkSets) {
    std::vector<Type> value;
    if (set == kSets4.sources) value = {Type::Ipv4};
    if (set == kSets6.sources) value = {Type::Ipv6};
    batch.push_back(nft::new_set(table, set, ++id, is_pair(set) ? pair : name, value));
  }
  batch.push_back(nft::new_set(table, kLoopbackPorts, ++id, port));
  for (const Type address : {Type::Ipv4, Type::Ipv6}) {
    const bool v4 = address == Type::Ipv4;
    const std::vector<Type> target{address, Type::Port};
    const std::vector<Type> port_at{address, Type::Protocol, Type::Port};
    batch.push_back(nft::new_set(table, v4 ? kPorts4 : kPorts6, ++id, port, target));
    batch.push_back(nft::new_set(table, v4 ? kPorts4At : kPorts6At, ++id, port_at, target));
    batch.push_back(nft::new_set(table, v4 ? kSets4.direct : kSets6.direct, ++id, port_at));
  }
  return batch;
}

std::vector<Message> chain_messages(const Table& table) {
  std::vector<Message> batch;
  for (const std::string_view chain :
       {std::string_view("admit"), std::string_view("same_bridge"), std::string_view("bridged"),
        std::string_view("published"), kSets4.direct, kSets6.direct})
    batch.push_back(nft::new_chain(table, chain));
  batch.push_back(nft::new_base_chain(table, "forward", "filter", Hook::Forward, kForwardPriority));
  batch.push_back(nft::new_base_chain(table, "raw_prerouting", "filter", Hook::Prerouting, nft::kRaw));
  batch.push_back(
      nft::new_base_chain(table, "nat_prerouting", "nat", Hook::Prerouting, nft::kDestinationNat));
  batch.push_back(nft::new_base_chain(table, "nat_output", "nat", Hook::Output, nft::kDestinationNat));
  batch.push_back(nft::new_base_chain(table, "nat_postrouting", "nat", Hook::Postrouting, nft::kSourceNat));
  return batch;
}

// What the networks' gateway modes and trusted interfaces admit from the outside.
void direct_rules(std::vector<Message>& batch, const Table& table, Family family) {
  const auto add = [&](Rule&& rule) { batch.push_back(rule.finish()); };
  const FamilySets& sets = sets_of(family);
  const bool v4 = family == Family::V4;
  const unsigned words = v4 ? 1 : 4;  // number of registers for an address
  const auto ping = v4 ? uint8_t{IPPROTO_ICMP} : uint8_t{IPPROTO_ICMPV6};
  add(Rule(table, sets.direct).output_name(reg(0)).in_set(reg(0), sets.routed).go_to("admit"));
  add(Rule(table, sets.direct).input_name(reg(0)).output_name(reg(4)).in_set(reg(0), kTrusted).go_to("admit"));
  add(Rule(table, "bridged").family_is(family).output_name(reg(0)).in_set(reg(0), sets.open).go_to("admit"));
  add(Rule(table, "bridged")
          .family_is(family)
          .destination_address(family, reg(0))
          .l4_protocol(reg(words))
          .destination_port(reg(words + 1))
          .in_set(reg(0), sets.direct)
          .jump(sets.direct));
  add(Rule(table, "bridged")
          .family_is(family)
          .protocol_is(ping)
          .output_name(reg(0))
          .in_set(reg(0), sets.routed)
          .go_to("admit"));
}

void forward_rules(std::vector<Message>& batch, const Table& table, const FirewallOptions& options) {
  const auto add = [&](Rule&& rule) { batch.push_back(rule.finish()); };
  constexpr uint32_t kAnswers = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);

  add(Rule(table, "admit").set_mark_bits(kAdmittedMark).accept());

  // A hairpin connection returns over the bridge only if its source is NATed as well.
  add(Rule(table, "same_bridge").status_has(IPS_DST_NAT).set_mark_bits(kHairpinMark).go_to("admit"));
  add(Rule(table, "same_bridge").input_name(reg(0)).in_set(reg(0), kClosed).drop());
  add(Rule(table, "same_bridge").go_to("admit"));

  add(Rule(table, "bridged").state_any_of(kAnswers).go_to("admit"));
  add(Rule(table, "bridged")
          .input_name(reg(0))
          .output_name(reg(4))
          .in_set(reg(0), kLoops)
          .go_to("same_bridge"));
  add(Rule(table, "bridged").input_name(reg(0)).in_set(reg(0), kInternal).drop());
  add(Rule(table, "bridged").output_name(reg(0)).in_set(reg(0), kInternal).drop());
  // Packets that conntrack cannot assign would leave with the container's own address.
  add(Rule(table, "bridged").state_any_of(NF_CT_STATE_INVALID_BIT).drop());
  add(Rule(table, "bridged").status_has(IPS_DST_NAT).go_to("admit"));
  for (const Family family : {Family::V4, Family::V6}) direct_rules(batch, table, family);
  add(Rule(table, "bridged").output_name(reg(0)).in_set(reg(0), kBridges).drop());
  add(Rule(table, "bridged").go_to("admit"));

  add(Rule(table, "forward").input_name(reg(0)).in_set(reg(0), kBridges).go_to("bridged"));
  add(Rule(table, "forward").output_name(reg(0)).in_set(reg(0), kBridges).go_to("bridged"));
  if (options.drop_foreign_forwarding) {
    // Accepts answers, so that clients on a VPN or a foreign bridge keep working.
    add(Rule(table, "forward").state_any_of(kAnswers).accept());
    // Foreign bridges (another engine, virtual machines) have their own rules.
    const nft::Bytes bridge = nft::interface_bytes("bridge");
    add(Rule(table, "forward").input_kind(reg(0)).equal(reg(0), bridge).accept());
    add(Rule(table, "forward").output_kind(reg(0)).equal(reg(0), bridge).accept());
    add(Rule(table, "forward").drop());
  }
}

void nat_rules(std::vector<Message>& batch, const Table& table) {
  const auto add = [&](Rule&& rule) { batch.push_back(rule.finish()); };
  const uint8_t loopback4[] = {kLoopbackNet};
  const nft::Bytes loopback6 = nft::address_bytes(*parse_ip("::1"));
  add(Rule(table, "published")
          .family_is(Family::V4)
          .destination_net8(reg(0))
          .equal(reg(0), loopback4)
          .return_());
  add(Rule(table, "published")
          .family_is(Family::V6)
          .destination_address(Family::V6, reg(0))
          .equal(reg(0), loopback6)
          .return_());
  for (const Family family : {Family::V4, Family::V6}) {
    const bool v4 = family == Family::V4;
    const unsigned words = v4 ? 1 : 4;  // number of registers for an address
    add(Rule(table, "published")
            .family_is(family)
            .destination_address(family, reg(0))
            .l4_protocol(reg(words))
            .destination_port(reg(words + 1))
            .look_up(reg(0), v4 ? kPorts4At : kPorts6At, reg(0))
            .dnat(family, reg(0), reg(words)));
    add(Rule(table, "published")
            .family_is(family)
            .destination_is_local()
            .l4_protocol(reg(0))
            .destination_port(reg(1))
            .look_up(reg(0), v4 ? kPorts4 : kPorts6, reg(0))
            .dnat(family, reg(0), reg(words)));
  }
  add(Rule(table, "nat_prerouting").jump("published"));
  add(Rule(table, "nat_output").jump("published"));

  add(Rule(table, "nat_postrouting").mark_has(kHairpinMark).masquerade());
  add(Rule(table, "nat_postrouting").output_name(reg(0)).in_set(reg(0), kBridges).return_());
  for (const Family family : {Family::V4, Family::V6}) {
    const FamilySets& sets = sets_of(family);
    add(Rule(table, "nat_postrouting")
            .family_is(family)
            .input_name(reg(0))
            .look_up(reg(0), sets.sources, reg(0))
            .snat(family, reg(0)));
    add(Rule(table, "nat_postrouting")
            .family_is(family)
            .input_name(reg(0))
            .in_set(reg(0), sets.masqueraded)
            .masquerade());
  }

  // Ports published on 127.0.0.x are reachable only from this machine, even if another program enabled route_localnet.
  add(Rule(table, "raw_prerouting")
          .family_is(Family::V4)
          .destination_net8(reg(0))
          .equal(reg(0), loopback4)
          .input_name(reg(0))
          .not_equal(reg(0), nft::interface_bytes("lo"))
          .l4_protocol(reg(0))
          .destination_port(reg(1))
          .in_set(reg(0), kLoopbackPorts)
          .drop());
}

// ---- networks and ports as elements

void describe_network(Changes& changes, const BridgeSpec& network) {
  const nft::Bytes name = nft::interface_bytes(network.name);
  changes[kBridges].push_back({name, {}});
  changes[kLoops].push_back({nft::concat({name, name}), {}});
  if (network.internal) changes[kInternal].push_back({name, {}});
  if (!network.icc) changes[kClosed].push_back({name, {}});
  for (const std::string& trusted : network.trusted_interfaces)
    changes[kTrusted].push_back({nft::concat({nft::interface_bytes(trusted), name}), {}});
  for (const Family family : {Family::V4, Family::V6}) {
    const FamilySets& sets = sets_of(family);
    const BridgeOutside& outside = network.outside(family);
    const bool nat = outside.mode == GatewayMode::Nat || outside.mode == GatewayMode::NatUnprotected;
    if (nat && network.masquerade && !network.internal) {
      if (outside.source) changes[sets.sources].push_back({name, nft::address_bytes(*outside.source)});
      if (!outside.source) changes[sets.masqueraded].push_back({name, {}});
    }
    if (outside.mode == GatewayMode::NatUnprotected) changes[sets.open].push_back({name, {}});
    if (outside.mode == GatewayMode::Routed) changes[sets.routed].push_back({name, {}});
  }
}

void describe_port(Changes& changes, const PortForward& forward) {
  const nft::Bytes protocol = nft::protocol_bytes(static_cast<uint8_t>(forward.protocol));
  if (forward.host_port == 0) {
    const IpAddress& address = forward.container_ip;
    changes[sets_of(address.family()).direct].push_back(
        {nft::concat({nft::address_bytes(address), protocol, nft::port_bytes(forward.container_port)}), {}});
    return;
  }
  const nft::Bytes port = nft::concat({protocol, nft::port_bytes(forward.host_port)});
  if (forward.host_ip && forward.host_ip->is_loopback() && forward.host_ip->is_v4())
    changes[kLoopbackPorts].push_back({port, {}});
  if (!served_by_nat(forward)) return;
  const nft::Bytes target =
      nft::concat({nft::address_bytes(forward.container_ip), nft::port_bytes(forward.container_port)});
  const bool v4 = forward.container_ip.is_v4();
  if (is_wildcard(forward))
    changes[v4 ? kPorts4 : kPorts6].push_back({port, target});
  else
    changes[v4 ? kPorts4At : kPorts6At].push_back(
        {nft::concat({nft::address_bytes(*forward.host_ip), port}), target});
}

Changes describe_ports(std::span<const PortForward> ports) {
  Changes changes;
  for (const PortForward& forward : ports) describe_port(changes, forward);
  for (auto& [set, elements] : changes) {
    std::sort(elements.begin(), elements.end());
    elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  }
  return changes;
}

uint16_t port_at(const nft::Bytes& bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

// The reverse of describe_port() for an element of one of the maps.
std::optional<PortForward> read_port(std::string_view map, const Element& element) {
  const bool v4 = map == kPorts4 || map == kPorts4At;
  const bool at = map == kPorts4At || map == kPorts6At;
  const size_t width = v4 ? 4 : 16;
  const size_t prefix = at ? width : 0;
  if (element.key.size() < prefix + 8 || element.value.size() < width + 4) return std::nullopt;
  PortForward forward;
  if (at) forward.host_ip = address_from(std::span(element.key).first(width));
  forward.protocol = static_cast<Protocol>(element.key[prefix]);
  forward.host_port = port_at(element.key, prefix + 4);
  forward.container_ip = *address_from(std::span(element.value).first(width));
  forward.container_port = port_at(element.value, width);
  return forward;
}

Result<std::vector<PortForward>> list_ports(Host& host, const Table& table) {
  std::vector<PortForward> ports;
  for (const std::string_view map : kPortMaps) {
    TRY_ASSIGN(const auto elements, nft::list_elements(host.netfilter(), table, map));
    for (const Element& element : elements)
      if (auto forward = read_port(map, element)) ports.push_back(*forward);
  }
  std::sort(ports.begin(), ports.end());
  return ports;
}

std::string describe(const PortForward& forward) {
  const std::string address = is_wildcard(forward) ? "" : forward.host_ip->text() + ":";
  return address + std::to_string(forward.host_port) + "/" + to_text(forward.protocol);
}

bool same_host_side(const PortForward& one, const PortForward& other) {
  const bool same_address = is_wildcard(one) ? is_wildcard(other) : one.host_ip == other.host_ip;
  return same_address && one.protocol == other.protocol && one.host_port == other.host_port &&
         one.container_ip.family() == other.container_ip.family();
}

// Names the port in `ports` that is already forwarded elsewhere.
Error explain_conflict(Host& host, const Table& table, std::span<const PortForward> ports, Error error) {
  const auto present = list_ports(host, table);
  if (!present) return error;
  for (const PortForward& wanted : ports)
    for (const PortForward& there : *present)
      if (same_host_side(wanted, there) &&
          (wanted.container_ip != there.container_ip || wanted.container_port != there.container_port))
        return conflict("host port " + describe(wanted) + " is already forwarded to " +
                        there.container_ip.text() + " port " + std::to_string(there.container_port));
  return error;
}

Result<> forget_flows_of(Host& host, std::span<const PortForward> ports) {
  std::set<uint16_t> numbers[2];
  for (const PortForward& forward : ports)
    if (forward.protocol == Protocol::Udp && served_by_nat(forward))
      numbers[forward.container_ip.is_v4() ? 0 : 1].insert(forward.host_port);
  TRY(forget_udp_flows(host, Family::V4, numbers[0]));
  return forget_udp_flows(host, Family::V6, numbers[1]);
}

}  // namespace

bool served_by_nat(const PortForward& forward) {
  if (forward.host_port == 0) return false;
  if (forward.host_ip && forward.host_ip->family() != forward.container_ip.family()) return false;
  return !forward.host_ip || !forward.host_ip->is_loopback();
}

Result<> Firewall::ensure() {
  TRY_ASSIGN(const auto tables, nft::list_tables(host_->netfilter(), nft::TableFamily::Inet));
  if (std::find(tables.begin(), tables.end(), table_) != tables.end()) return {};
  return reset_to({}, {});
}

Result<> Firewall::reset_to(std::span<const BridgeSpec> networks, std::span<const PortForward> ports) {
  const Table table = table_of(table_);
  std::vector<Message> batch;
  // Created first, because deleting a missing table fails.
  batch.push_back(nft::new_table(table));
  batch.push_back(nft::delete_table(table));
  batch.push_back(nft::new_table(table));
  for (Message& message : set_messages(table)) batch.push_back(std::move(message));
  for (Message& message : chain_messages(table)) batch.push_back(std::move(message));
  forward_rules(batch, table, options_);
  nat_rules(batch, table);
  Changes changes = describe_ports(ports);
  for (const BridgeSpec& network : networks) describe_network(changes, network);
  for (const auto& [set, elements] : changes) nft::add_elements(batch, table, set, elements);
  return host_->netfilter().transaction(batch, "set up firewall table inet " + table_);
}

namespace {

// The elements of a set of networks that belong to one network.
Result<std::vector<Element>> elements_of(Host& host, const Table& table, std::string_view set,
                                         const std::string& bridge_name) {
  TRY_ASSIGN(std::vector<Element> elements, nft::list_elements(host.netfilter(), table, set));
  const nft::Bytes name = nft::interface_bytes(bridge_name);
  std::erase_if(elements, [&](const Element& element) {
    if (element.key.size() < name.size()) return true;
    return is_pair(set) ? !std::equal(name.rbegin(), name.rend(), element.key.rbegin())
                        : !std::equal(name.begin(), name.end(), element.key.begin());
  });
  return elements;
}

}  // namespace

Result<> Firewall::add_network(const BridgeSpec& network) {
  const Table table = table_of(table_);
  Changes wanted;
  describe_network(wanted, network);
  std::vector<Message> batch;
  for (const std::string_view set : kNetworkSets) {
    TRY_ASSIGN(std::vector<Element> stale, elements_of(*host_, table, set, network.name));
    std::erase_if(stale, [&](const Element& element) {
      return std::find(wanted[set].begin(), wanted[set].end(), element) != wanted[set].end();
    });
    nft::delete_elements(batch, table, set, stale);
    nft::add_elements(batch, table, set, wanted[set]);
  }
  return host_->netfilter().transaction(batch, "add network " + network.name + " to the firewall");
}

Result<> Firewall::remove_network(const std::string& bridge_name) {
  const Table table = table_of(table_);
  std::vector<Message> batch;
  for (const std::string_view set : kNetworkSets) {
    auto present = elements_of(*host_, table, set, bridge_name);
    if (!present && present.error().code() == ENOENT) continue;
    if (!present) return std::move(present).error();
    nft::delete_elements(batch, table, set, *present);
  }
  return host_->netfilter().transaction(batch, "remove network " + bridge_name + " from the firewall");
}

namespace {

Result<> replace_elements(Host& host, const Table& table, const Changes& removed, const Changes& added) {
  std::vector<Message> batch;
  for (const auto& [set, elements] : removed) nft::delete_elements(batch, table, set, elements);
  for (const auto& [set, elements] : added) nft::add_elements(batch, table, set, elements);
  return host.netfilter().transaction(batch, added.empty() ? "unpublish ports" : "publish ports");
}

// Drops missing elements; nullopt if the table is missing.
Result<std::optional<Changes>> only_present(Host& host, const Table& table, const Changes& removed) {
  Changes out;
  for (const auto& [set, elements] : removed) {
    auto present = nft::list_elements(host.netfilter(), table, set);
    if (!present && present.error().code() == ENOENT) return std::optional<Changes>();
    if (!present) return std::move(present).error();
    std::sort(present->begin(), present->end());
    std::set_intersection(elements.begin(), elements.end(), present->begin(), present->end(),
                          std::back_inserter(out[set]));
  }
  return std::optional(std::move(out));
}

}  // namespace

Result<> Firewall::change(std::span<const PortForward> removed, std::span<const PortForward> added) {
  const Table table = table_of(table_);
  const Changes gone = describe_ports(removed);
  const Changes wanted = describe_ports(added);
  auto done = replace_elements(*host_, table, gone, wanted);
  // A missing element fails the whole transaction.
  if (!done && done.error().code() == ENOENT && !gone.empty()) {
    TRY_ASSIGN(const auto present, only_present(*host_, table, gone));
    if (!present && wanted.empty()) return {};
    done = replace_elements(*host_, table, present.value_or(Changes()), wanted);
  }
  if (!done && (done.error().code() == EEXIST || done.error().code() == EBUSY))
    return explain_conflict(*host_, table, added, std::move(done).error());
  TRY(done);
  TRY(forget_flows_of(*host_, removed));
  return forget_flows_of(*host_, added);
}

Result<std::optional<FirewallState>> Firewall::list() {
  const Table table = table_of(table_);
  TRY_ASSIGN(const auto tables, nft::list_tables(host_->netfilter(), table.family));
  if (std::find(tables.begin(), tables.end(), table_) == tables.end()) return std::optional<FirewallState>();
  FirewallState state;
  TRY_ASSIGN(const auto bridges, nft::list_elements(host_->netfilter(), table, kBridges));
  for (const Element& element : bridges) {
    const auto end = std::find(element.key.begin(), element.key.end(), uint8_t{0});
    state.bridges.emplace_back(element.key.begin(), end);
  }
  std::sort(state.bridges.begin(), state.bridges.end());
  TRY_ASSIGN(state.ports, list_ports(*host_, table));
  return std::optional<FirewallState>(std::move(state));
}

Result<> Firewall::remove_table() { return net::remove_table(*host_, table_); }

Result<std::vector<std::string>> list_tables(Host& host, std::string_view name_prefix) {
  TRY_ASSIGN(auto names, nft::list_tables(host.netfilter(), nft::TableFamily::Inet));
  std::erase_if(names, [&](const std::string& name) { return !name.starts_with(name_prefix); });
  return names;
}

Result<> remove_table(Host& host, const std::string& name) {
  std::vector<Message> batch;
  batch.push_back(nft::delete_table(table_of(name)));
  auto done = host.netfilter().transaction(batch, "remove firewall table inet " + name);
  if (!done && done.error().code() != ENOENT) return done;
  return {};
}

}  // namespace stack::net
