// Networks, ports, and shared namespaces.
#include "base/text.h"
#include "model/address.h"
#include "model/protocol.h"
#include "orchestrator/compose/rules/rules.h"
#include "orchestrator/compose/values.h"

namespace stack::compose::rules {

namespace {

// Of a service or its attachment to a network.
void check_mac(RuleContext& rules, const Node& node) {
  const Node* address = node.find("mac_address");
  if (!rules.opaque(address) && !address->text.empty() && !parse_mac(address->text))
    rules.cannot_run(address->mark, "\"" + address->text + "\" is not a MAC address");
}

void check_link_local_addresses(RuleContext& rules, const Node& attachment) {
  const Node* addresses = attachment.find("link_local_ips");
  if (addresses == nullptr) return;
  for (const Node& address : addresses->items)
    if (!rules.opaque(&address) && !parse_ip(address.text))
      rules.cannot_run(address.mark, "\"" + address.text + "\" is not an IP address");
}

void check_addresses(RuleContext& rules, const Node& attachment) {
  check_mac(rules, attachment);
  check_link_local_addresses(rules, attachment);
  for (const char* key : {"ipv4_address", "ipv6_address"}) {
    const Node* address = attachment.find(key);
    if (rules.opaque(address)) continue;
    bool six = address->text.find(':') != std::string::npos;
    if (!is_ip_address(address->text) || six != (std::string_view(key) == "ipv6_address"))
      rules.cannot_run(address->mark, "\"" + address->text + "\" is not an " +
                                          (std::string_view(key) == "ipv6_address" ? "IPv6" : "IPv4") +
                                          " address");
  }
}

bool is_network_name(const std::string& text) {
  auto letter_or_digit = [](unsigned char c) { return std::isalnum(c) != 0; };
  return letter_or_digit(static_cast<unsigned char>(text.front())) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return letter_or_digit(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
         });
}

}  // namespace

void networks(RuleContext& rules, const std::string& name, const Node& service) {
  check_mac(rules, service);
  const Node* mode = service.find("network_mode");
  const Node* networks = service.find("networks");
  if (present(mode) && networks != nullptr && !networks->entries.empty()) {
    rules.report.error(mode->mark, "service " + name + ": network_mode and networks cannot be used together");
    return;
  }
  if (networks != nullptr && !rules.session.options.no_normalize)
    for (const Entry& entry : networks->entries)
      if (rules.resource("networks", entry.key) == nullptr && !broken(rules.tree, "networks"))
        rules.undefined(entry.mark, name, "network", "networks", entry.key);
  if (networks != nullptr)
    for (const Entry& entry : networks->entries) check_addresses(rules, entry.value);
  if (rules.opaque(mode)) return;
  const Node* ports = service.find("ports");
  if (mode->text == "host" && ports != nullptr && !ports->items.empty())
    rules.report.warning(ports->mark, "service " + name + ": ports have no effect with network_mode host");
  bool publishes = ports != nullptr && !ports->items.empty();
  if (mode->text.starts_with("service:") || mode->text.starts_with("container:")) {
    if (publishes)
      rules.cannot_run(ports->mark,
                       "service " + name + ": ports cannot be published with network_mode " + mode->text);
  } else if (mode->text == "none") {
    if (publishes)
      rules.report.warning(ports->mark, "service " + name + ": ports have no effect with network_mode none");
  } else if (!mode->text.empty() && !is_network_name(mode->text)) {
    rules.cannot_run(mode->mark, "unknown network_mode \"" + mode->text + "\"",
                     "expected none, host, bridge, service:<name>, container:<name>, or a network name");
  }
}

void namespaces(RuleContext& rules, const std::string& name, const Node& service) {
  for (const char* key : {"network_mode", "ipc", "pid", "uts", "cgroup"}) {
    const Node* value = service.find(key);
    if (rules.opaque(value) || !value->text.starts_with("service:")) continue;
    std::string target = value->text.substr(8);
    if (target == name) {
      rules.report.error(value->mark, "service " + name + " cannot share its own namespace");
    } else {
      rules.check_service(value->mark, name, target, "shares a namespace with");
    }
  }
}

void published_ports(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* list = service.find("ports");
  if (list == nullptr) return;
  for (const Node& item : list->items)
    if (item.is_map() && item.find("target") == nullptr)
      rules.report.error(item.mark, "service " + name + ": the port has no target");
}

namespace {

void check_exposed(RuleContext& rules, const std::string& name, const Node& item) {
  if (rules.opaque(&item)) return;
  size_t slash = item.text.find('/');
  std::string protocol = slash == std::string::npos ? "tcp" : lower(item.text.substr(slash + 1));
  Result<PortRange> range = parse_port_range(item.text.substr(0, slash));
  if (!range) return rules.cannot_run(item.mark, "service " + name + ": expose: " + range.error().text());
  if (!parse_protocol(protocol))
    rules.cannot_run(item.mark, "service " + name + ": expose: unknown protocol \"" + protocol + "\"");
}

}  // namespace

void exposed_ports(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* list = service.find("expose");
  if (list == nullptr) return;
  for (const Node& item : list->items) check_exposed(rules, name, item);
}

namespace {

bool is_subnet(const std::string& text) {
  size_t slash = text.find('/');
  if (slash == std::string::npos || !is_ip_address(text.substr(0, slash))) return false;
  std::string bits = text.substr(slash + 1);
  bool six = text.find(':') != std::string::npos;
  return is_all_digits(bits) && bits.size() <= 3 && std::stoi(bits) <= (six ? 128 : 32);
}

}  // namespace

void address_pools(RuleContext& rules, const Entry& entry) {
  const Node* ipam = entry.value.find("ipam");
  const Node* pools = ipam == nullptr ? nullptr : ipam->find("config");
  if (pools == nullptr) return;
  for (const Node& pool : pools->items) {
    for (const char* key : {"subnet", "ip_range"}) {
      const Node* value = pool.find(key);
      if (!rules.opaque(value) && !is_subnet(value->text))
        rules.cannot_run(value->mark,
                         "networks." + entry.key + ": \"" + value->text + "\" is not a valid CIDR range",
                         "for example 172.28.0.0/16");
    }
    const Node* gateway = pool.find("gateway");
    if (!rules.opaque(gateway) && !is_ip_address(gateway->text))
      rules.cannot_run(gateway->mark,
                       "networks." + entry.key + ": \"" + gateway->text + "\" is not an IP address");
  }
}

}  // namespace stack::compose::rules
