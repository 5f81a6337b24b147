// Networks as NetworkPolicies, if the file asks for isolation.
#include "orchestrator/targets/kubernetes/draft.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

constexpr int kDnsPort = 53;

OrderedJson members_of(const Draft& draft, const std::string& network) {
  return {
      {"matchLabels", {{std::string(kProjectLabel), draft.project.name}, {network_label(network), "true"}}}};
}

OrderedJson dns_rule() {
  return {{"ports", OrderedJson::array({{{"protocol", "UDP"}, {"port", kDnsPort}},
                                        {{"protocol", "TCP"}, {"port", kDnsPort}}})}};
}

void add_policy(Draft& draft, const std::string& name, const std::string& service, const std::string& pointer,
                OrderedJson spec) {
  draft.add("networking.k8s.io/v1", "NetworkPolicy", name, service, pointer, {{"spec", std::move(spec)}});
}

// Members reach each other. An internal network leads nowhere else; names are resolved nevertheless.
void add_network(Draft& draft, const std::string& key, const compose::Network& network) {
  std::string pointer = pointer_to("/networks", key);
  OrderedJson members = members_of(draft, key);
  OrderedJson spec{{"podSelector", members}, {"policyTypes", OrderedJson::array({"Ingress"})}};
  spec["ingress"] = OrderedJson::array({{{"from", OrderedJson::array({{{"podSelector", members}}})}}});
  if (network.internal) {
    spec["policyTypes"].push_back("Egress");
    spec["egress"] =
        OrderedJson::array({{{"to", OrderedJson::array({{{"podSelector", members}}})}}, dns_rule()});
  }
  draft.notes.adapted(pointer, "a NetworkPolicy, which the cluster's network must support");
  add_policy(draft, with_suffix(object_name(draft.project.name + "-" + key), "-network"), "", pointer,
             std::move(spec));
}

void add_open_ports(Draft& draft, const Service& service) {
  if (service.ports.empty()) return;
  OrderedJson ports = OrderedJson::array();
  for (const compose::PortMapping& port : service.ports) {
    std::string protocol = port.protocol == "udp" ? "UDP" : port.protocol == "sctp" ? "SCTP" : "TCP";
    ports.push_back({{"protocol", protocol}, {"port", port.target}});
  }
  OrderedJson spec{{"podSelector", {{"matchLabels", draft.selector(service)}}},
                   {"policyTypes", OrderedJson::array({"Ingress"})},
                   {"ingress", OrderedJson::array({{{"ports", std::move(ports)}}})}};
  add_policy(draft, with_suffix(object_name(service.name), "-published"), service.name,
             service_pointer(service, "/ports"), std::move(spec));
}

// A member of an internal and another network may leave through the other one.
void add_way_out(Draft& draft, const Service& service) {
  bool internal = false;
  bool outside = false;
  for (const auto& [key, options] : service.networks) {
    auto found = draft.project.networks.find(key);
    bool closed = found != draft.project.networks.end() && found->second.internal;
    internal = internal || closed;
    outside = outside || !closed;
  }
  if (!internal || !outside) return;
  OrderedJson spec{{"podSelector", {{"matchLabels", draft.selector(service)}}},
                   {"policyTypes", OrderedJson::array({"Egress"})},
                   {"egress", OrderedJson::array({OrderedJson::object()})}};
  add_policy(draft, with_suffix(object_name(service.name), "-outside"), service.name,
             service_pointer(service, "/networks"), std::move(spec));
}

void add_closed(Draft& draft, const Service& service) {
  OrderedJson spec{{"podSelector", {{"matchLabels", draft.selector(service)}}},
                   {"policyTypes", OrderedJson::array({"Ingress", "Egress"})}};
  std::string pointer = service_pointer(service, "/network_mode");
  draft.notes.adapted(pointer, "a NetworkPolicy, which the cluster's network must support");
  add_policy(draft, with_suffix(object_name(service.name), "-none"), service.name, pointer, std::move(spec));
}

}  // namespace

void add_policies(Draft& draft) {
  if (!draft.isolated) return;
  std::set<std::string> used;
  for (const auto& [name, service] : draft.project.services)
    for (const auto& [key, options] : service.networks) used.insert(key);
  for (const auto& [key, network] : draft.project.networks)
    if (used.contains(key)) add_network(draft, key, network);
  for (const auto& [name, service] : draft.project.services) {
    if (service.network_mode == "none") {
      add_closed(draft, service);
      continue;
    }
    if (draft.owners.at(name) != name) continue;
    add_open_ports(draft, service);
    add_way_out(draft, service);
  }
}

}  // namespace stack::targets::kubernetes
