// Networks, and the services' attachments to them.
#include <algorithm>

#include "base/text.h"
#include "orchestrator/targets/swarm/draft.h"

namespace stack::targets::swarm {

namespace {

constexpr std::string_view kBridgeOption = "com.docker.network.bridge.";
constexpr std::string_view kDriverMtu = "com.docker.network.driver.mtu";

// Networks that every node has.
bool is_predefined(const std::string& name) { return name == "host" || name == "bridge" || name == "none"; }

OrderedJson ipam_of(const compose::Ipam& ipam) {
  OrderedJson out{{"Driver", ipam.driver.empty() ? "default" : ipam.driver}};
  for (const compose::IpamPool& pool : ipam.config) {
    OrderedJson entry = OrderedJson::object();
    if (!pool.subnet.empty()) entry["Subnet"] = pool.subnet;
    if (!pool.ip_range.empty()) entry["IPRange"] = pool.ip_range;
    if (!pool.gateway.empty()) entry["Gateway"] = pool.gateway;
    out["Config"].push_back(std::move(entry));
  }
  if (!ipam.options.empty()) out["Options"] = pairs(ipam.options);
  return out;
}

// The options that overlay networks have.
OrderedJson options_of(Draft& draft, const compose::Network& network, const std::string& pointer) {
  OrderedJson out = OrderedJson::object();
  for (const auto& [key, value] : network.driver_opts) {
    if (key.starts_with(kBridgeOption)) {
      draft.notes.lost(pointer_to(pointer + "/driver_opts", key),
                       "an option of bridges, not of overlay networks");
    } else {
      out[key] = value;
    }
  }
  return out;
}

void add_network(Draft& draft, const std::string& key, const compose::Network& network) {
  std::string pointer = pointer_to("/networks", key);
  if (network.external) {
    if (!is_predefined(network.name)) draft.require_external(ObjectKind::Network, network.name);
    return;
  }
  bool overlay = network.driver.empty() || network.driver == "overlay";
  if (network.driver == "bridge")
    draft.notes.adapted(pointer + "/driver", "overlay: a bridge does not reach other nodes");
  if (!overlay && network.driver != "bridge")
    draft.notes.adapted(pointer + "/driver", "every node must have this driver");
  OrderedJson body{{"Name", network.name},
                   {"CheckDuplicate", true},
                   {"Driver", overlay || network.driver == "bridge" ? "overlay" : network.driver},
                   {"Attachable", true},
                   {"Internal", network.internal},
                   {"EnableIPv6", network.enable_ipv6.value_or(false)}};
  if (!network.ipam.driver.empty() || !network.ipam.config.empty() || !network.ipam.options.empty())
    body["IPAM"] = ipam_of(network.ipam);
  OrderedJson options = options_of(draft, network, pointer);
  if (!options.empty()) body["Options"] = std::move(options);
  OrderedJson labels = pairs(network.labels);
  labels[std::string(kNamespaceLabel)] = draft.project.name;
  labels[std::string(kHashLabel)] = short_hash(body.dump() + labels.dump());
  body["Labels"] = std::move(labels);
  draft.networks.push_back({ObjectKind::Network, network.name, "", pointer, std::move(body)});
}

void note_attachment(Draft& draft, const std::string& pointer, const compose::ServiceNetwork& options) {
  if (!options.driver_opts.empty() && options.driver_opts.contains(std::string(kDriverMtu)))
    draft.notes.lost(pointer_to(pointer + "/driver_opts", kDriverMtu), "set it on the network");
}

// Names that other services give to this one in `links`.
std::vector<std::string> linked_names(const Project& project, const std::string& service) {
  std::vector<std::string> out;
  for (const auto& [name, other] : project.services)
    for (const std::string& link : other.links) {
      size_t colon = link.find(':');
      if (colon != std::string::npos && link.substr(0, colon) == service)
        out.push_back(link.substr(colon + 1));
    }
  return out;
}

OrderedJson aliases_of(const Draft& draft, const Service& service, const compose::ServiceNetwork& options) {
  std::vector<std::string> names{service.name};
  if (!service.container_name.empty()) names.push_back(service.container_name);
  names.insert(names.end(), options.aliases.begin(), options.aliases.end());
  for (std::string& name : linked_names(draft.project, service.name)) names.push_back(std::move(name));
  OrderedJson out = OrderedJson::array();
  std::set<std::string> seen;
  for (const std::string& name : names)
    if (seen.insert(name).second) out.push_back(name);
  return out;
}

void attach_mode(Draft& draft, ServiceDraft& parts) {
  const std::string& mode = parts.service.network_mode;
  std::string pointer = parts.at("/network_mode");
  if (mode == "host" || mode == "none" || mode == "bridge") {
    parts.task["Networks"] = OrderedJson::array({{{"Target", mode}}});
    if (mode == "bridge") draft.notes.adapted(pointer, "the bridge of the node on which the task runs");
    return;
  }
  draft.notes.refused(pointer, "tasks of a swarm cannot share a network namespace");
}

}  // namespace

void add_networks(Draft& draft) {
  for (const auto& [key, network] : draft.project.networks) add_network(draft, key, network);
}

void attach_networks(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  if (!service.network_mode.empty()) return attach_mode(draft, parts);
  // The first network by priority gives the default route.
  std::vector<std::pair<std::string, const compose::ServiceNetwork*>> networks;
  for (const auto& [name, options] : service.networks) networks.emplace_back(name, &options);
  std::stable_sort(networks.begin(), networks.end(), [](const auto& left, const auto& right) {
    return left.second->priority > right.second->priority;
  });
  OrderedJson out = OrderedJson::array();
  for (const auto& [name, options] : networks) {
    auto network = draft.project.networks.find(name);
    if (network == draft.project.networks.end()) continue;
    note_attachment(draft, pointer_to(parts.at("/networks"), name), *options);
    OrderedJson entry{{"Target", network->second.name}};
    if (!is_predefined(network->second.name)) entry["Aliases"] = aliases_of(draft, service, *options);
    if (!options->driver_opts.empty()) entry["DriverOpts"] = pairs(options->driver_opts);
    out.push_back(std::move(entry));
  }
  if (!out.empty()) parts.task["Networks"] = std::move(out);
}

}  // namespace stack::targets::swarm
