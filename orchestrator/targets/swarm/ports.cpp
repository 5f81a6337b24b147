// Published ports, and how names resolve.
#include <algorithm>

#include "base/text.h"
#include "orchestrator/targets/swarm/draft.h"

namespace stack::targets::swarm {

namespace {

bool is_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

// The mode in which all ports are published; "" = as each port says.
std::string forced_mode(const Service& service) {
  std::string mode = string_or(extension(service.extensions), "publish");
  if (mode == "host" || mode == "ingress") return mode;
  return service.deploy && service.deploy->endpoint_mode == "dnsrr" ? "host" : "";
}

OrderedJson port_of(Draft& draft, const compose::PortMapping& port, const std::string& mode,
                    const std::string& pointer) {
  OrderedJson out{{"Protocol", port.protocol.empty() ? "tcp" : port.protocol}, {"TargetPort", port.target}};
  std::string published = port.published;
  if (size_t dash = published.find('-'); dash != std::string::npos) {
    published.resize(dash);
    draft.notes.adapted(pointer + "/published", "the first port of the range");
  }
  if (is_all_digits(published) && published.size() <= 5) {
    out["PublishedPort"] = std::stoi(published);
  } else if (mode == "ingress") {
    draft.notes.adapted(pointer, "the swarm chooses a port from 30000");
  }
  out["PublishMode"] = mode;
  return out;
}

}  // namespace

OrderedJson endpoint_of(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  std::string forced = forced_mode(service);
  OrderedJson ports = OrderedJson::array();
  bool routed = false;
  for (size_t i = 0; i < service.ports.size(); ++i) {
    const compose::PortMapping& port = service.ports[i];
    std::string pointer = pointer_to(parts.at("/ports"), std::to_string(i));
    if (service.network_mode == "host" || service.network_mode == "none") continue;
    if (is_loopback(port.host_ip)) {
      draft.notes.adapted(pointer,
                          "not published, because a swarm publishes on all addresses of its nodes; " +
                              std::string("reachable in the project's networks"));
      continue;
    }
    if (!port.host_ip.empty() && port.host_ip != "0.0.0.0" && port.host_ip != "::")
      draft.notes.lost(pointer + "/host_ip", "published on all addresses of the nodes");
    std::string mode = !forced.empty() ? forced : port.mode.empty() ? "ingress" : port.mode;
    if (!forced.empty() && port.mode == "ingress" && forced == "host")
      draft.notes.adapted(pointer + "/mode",
                          "on the nodes that run the service, because of `endpoint_mode: dnsrr`");
    routed = routed || mode == "ingress";
    ports.push_back(port_of(draft, port, mode, pointer));
  }
  std::string resolution = service.deploy ? service.deploy->endpoint_mode : "";
  // As on one machine, names resolve to the containers' addresses, unless the routing mesh needs a virtual one.
  if (resolution.empty()) resolution = routed ? "vip" : "dnsrr";
  OrderedJson out{{"Mode", resolution}};
  if (!ports.empty()) out["Ports"] = std::move(ports);
  return out;
}

}  // namespace stack::targets::swarm
