// Names and ports of a service: headless Services, published ports, Ingress, and HTTPRoute.
#include <algorithm>

#include "base/text.h"
#include "orchestrator/targets/kubernetes/draft.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

// `early`: also while the container is not ready.
void add_headless(Draft& draft, const Service& service, const std::string& name, bool early,
                  const std::string& pointer) {
  OrderedJson spec{{"clusterIP", "None"}};
  if (early) spec["publishNotReadyAddresses"] = true;
  spec["selector"] = draft.selector(service);
  draft.add("v1", "Service", name, service.name, pointer, {{"spec", std::move(spec)}});
}

class Names {
 public:
  Names(Draft& draft, const Service& service) : draft_(draft), service_(service) {}

  void add(const std::string& name, const std::string& pointer) {
    if (!is_service_name(name)) {
      if (add_domain(lower(name), pointer)) return;
      draft_.notes.lost(pointer, "the name \"" + name +
                                     "\" cannot be resolved: names of a cluster consist of " +
                                     "letters, digits, and '-', and begin with a letter");
      return;
    }
    std::string key = lower(name);
    if (key == object_name(service_.name) || done_.contains(key)) return;
    if (is_taken(key)) {
      draft_.notes.lost(pointer, "another service has the name " + key);
      return;
    }
    done_.insert(key);
    add_headless(draft_, service_, key, health_of(draft_, service_).has_value(), pointer);
  }

 private:
  bool is_taken(const std::string& key) const {
    for (const auto& [name, other] : draft_.project.services)
      if (object_name(name) == key) return true;
    return std::any_of(draft_.objects.begin(), draft_.objects.end(),
                       [&](const KubeObject& other) { return other.kind == "Service" && other.name == key; });
  }

  // "api.example", once for each service: its pods have this name. Those of a StatefulSet have names of their own.
  bool add_domain(const std::string& name, const std::string& pointer) {
    size_t dot = name.find('.');
    if (dot == std::string::npos) return false;
    PodName wanted{name.substr(0, dot), name.substr(dot + 1)};
    auto have = draft_.pod_names.find(service_.name);
    if (have != draft_.pod_names.end())
      return have->second.host == wanted.host && have->second.domain == wanted.domain;
    bool own_pod = draft_.owners.at(service_.name) == service_.name && service_.network_mode != "host" &&
                   draft_.kinds.at(service_.name) != WorkloadKind::StatefulSet;
    bool free_host = service_.hostname.empty() || lower(service_.hostname) == wanted.host;
    if (!own_pod || !free_host || !is_service_name(wanted.host) || !is_service_name(wanted.domain) ||
        is_taken(wanted.domain))
      return false;
    add_headless(draft_, service_, wanted.domain, health_of(draft_, service_).has_value(), pointer);
    draft_.notes.adapted(pointer, "the name of the pods; their host name is " + wanted.host);
    draft_.pod_names[service_.name] = std::move(wanted);
    return true;
  }

  Draft& draft_;
  const Service& service_;
  std::set<std::string> done_;
};

void add_aliases(Draft& draft, const Service& service) {
  Names names(draft, service);
  for (const auto& [network, options] : service.networks) {
    std::string pointer = service_pointer(service, "/networks");
    pointer = pointer_to(pointer_to(pointer, network), "aliases");
    for (size_t i = 0; i < options.aliases.size(); ++i)
      names.add(options.aliases[i], pointer_to(pointer, std::to_string(i)));
  }
  if (!service.container_name.empty())
    names.add(service.container_name, service_pointer(service, "/container_name"));
  for (const auto& [name, other] : draft.project.services) {
    for (size_t i = 0; i < other.links.size(); ++i) {
      size_t colon = other.links[i].find(':');
      if (colon == std::string::npos || other.links[i].substr(0, colon) != service.name) continue;
      names.add(other.links[i].substr(colon + 1),
                pointer_to(service_pointer(other, "/links"), std::to_string(i)));
    }
  }
}

bool is_loopback(const std::string& ip) { return ip.starts_with("127.") || ip == "::1" || ip == "[::1]"; }

int number_of(const std::string& text) {
  std::string first = text.substr(0, text.find('-'));
  return is_all_digits(first) && first.size() <= 5 ? std::stoi(first) : 0;
}

std::string protocol_of(const compose::PortMapping& port) {
  return port.protocol.empty() ? "TCP" : upper(port.protocol);
}

// "p8080-udp".
std::string port_name(const compose::PortMapping& port, int number) {
  std::string protocol = lower(protocol_of(port));
  return "p" + std::to_string(number) + (protocol == "tcp" ? "" : "-" + protocol);
}

struct Published {
  OrderedJson external = OrderedJson::array();
  OrderedJson internal = OrderedJson::array();  // ports of the loopback address
};

Published published_ports(Draft& draft, const Service& service, const Json& extension) {
  Published out;
  std::set<std::string> names;
  for (size_t i = 0; i < service.ports.size(); ++i) {
    const compose::PortMapping& port = service.ports[i];
    std::string pointer = pointer_to(service_pointer(service, "/ports"), std::to_string(i));
    int number = number_of(port.published);
    if (number == 0) {
      number = static_cast<int>(port.target);
      draft.notes.adapted(pointer, "published as port " + std::to_string(number) + ", because none is given");
    }
    if (!names.insert(port_name(port, number)).second) {
      draft.notes.lost(pointer, "the service already publishes port " + std::to_string(number));
      continue;
    }
    OrderedJson entry{{"name", port_name(port, number)},
                      {"port", number},
                      {"targetPort", port.target},
                      {"protocol", protocol_of(port)}};
    if (!port.app_protocol.empty()) entry["appProtocol"] = port.app_protocol;
    int64_t node_port = int_or(extension, "node_port");
    if (node_port > 0 && service.ports.size() == 1) entry["nodePort"] = node_port;
    if (is_loopback(port.host_ip)) {
      draft.notes.adapted(pointer_to(pointer, "host_ip"),
                          "reachable inside the cluster only, because it is published to this machine only");
      out.internal.push_back(std::move(entry));
    } else {
      if (!port.host_ip.empty() && port.host_ip != "0.0.0.0" && port.host_ip != "::")
        draft.notes.lost(pointer_to(pointer, "host_ip"), "the cluster chooses the address");
      out.external.push_back(std::move(entry));
    }
  }
  return out;
}

void add_port_service(Draft& draft, const Service& service, const std::string& name, const std::string& type,
                      OrderedJson ports, const Json& annotations) {
  OrderedJson spec{{"type", type}, {"selector", draft.selector(service)}, {"ports", std::move(ports)}};
  KubeObject& object = draft.add("v1", "Service", name, service.name, service_pointer(service, "/ports"),
                                 {{"spec", std::move(spec)}});
  if (annotations.is_object() && !annotations.empty())
    object.body["metadata"]["annotations"] = OrderedJson::parse(annotations.dump());
}

void add_ingress(Draft& draft, const Service& service, const Json& ingress, const std::string& backend,
                 int port) {
  OrderedJson path{{"path", string_or(ingress, "path", "/")},
                   {"pathType", "Prefix"},
                   {"backend", {{"service", {{"name", backend}, {"port", {{"number", port}}}}}}}};
  OrderedJson rule;
  std::string host = string_or(ingress, "host");
  if (!host.empty()) rule["host"] = host;
  rule["http"] = {{"paths", OrderedJson::array({std::move(path)})}};
  OrderedJson spec;
  std::string class_name = string_or(ingress, "class");
  if (!class_name.empty()) spec["ingressClassName"] = class_name;
  std::string tls = string_or(ingress, "tls_secret");
  if (!tls.empty()) {
    OrderedJson entry{{"secretName", tls}};
    if (!host.empty()) entry["hosts"] = OrderedJson::array({host});
    spec["tls"] = OrderedJson::array({std::move(entry)});
  }
  spec["rules"] = OrderedJson::array({std::move(rule)});
  draft.add("networking.k8s.io/v1", "Ingress", object_name(service.name), service.name,
            service_pointer(service, "/ports"), {{"spec", std::move(spec)}});
}

void add_route(Draft& draft, const Service& service, const Json& route, const std::string& backend,
               int port) {
  OrderedJson parent{{"name", string_or(route, "gateway")}};
  std::string parent_namespace = string_or(route, "gateway_namespace");
  if (!parent_namespace.empty()) parent["namespace"] = parent_namespace;
  OrderedJson spec{{"parentRefs", OrderedJson::array({std::move(parent)})}};
  std::string host = string_or(route, "host");
  if (!host.empty()) spec["hostnames"] = OrderedJson::array({host});
  OrderedJson match{{"path", {{"type", "PathPrefix"}, {"value", string_or(route, "path", "/")}}}};
  spec["rules"] =
      OrderedJson::array({{{"matches", OrderedJson::array({std::move(match)})},
                           {"backendRefs", OrderedJson::array({{{"name", backend}, {"port", port}}})}}});
  draft.add("gateway.networking.k8s.io/v1", "HTTPRoute", object_name(service.name), service.name,
            service_pointer(service, "/ports"), {{"spec", std::move(spec)}});
}

}  // namespace

// A name without a health check resolves exactly while the container runs. With one, it resolves also while the container
// is not healthy, as on one machine: many checks use the service's own name.
void add_names(Draft& draft, const Service& service) {
  if (service.network_mode == "none") return;
  bool checked = health_of(draft, service).has_value();
  std::string pointer = service_pointer(service);
  if (!is_service_name(service.name))
    draft.notes.lost(pointer, "the name \"" + service.name + "\" cannot be resolved in a cluster: use " +
                                  "letters, digits, and '-', beginning with a letter");
  std::string name = object_name(service.name);
  if (name.front() >= '0' && name.front() <= '9') name = with_suffix("s-", name);
  add_headless(draft, service, name, checked, pointer);
  if (checked)
    add_headless(draft, service, healthy_name(service), false, service_pointer(service, "/healthcheck"));
  add_aliases(draft, service);
}

void add_published(Draft& draft, const Service& service) {
  if (service.ports.empty()) return;
  Json extension = Draft::extension(service.extensions);
  const Json none = nullptr;
  auto member = [&](const char* key) -> const Json& {
    auto found = extension.is_object() ? extension.find(key) : extension.end();
    return extension.is_object() && found != extension.end() ? *found : none;
  };
  Published ports = published_ports(draft, service, extension);
  bool routed = member("ingress").is_object() || member("route").is_object();
  std::string type = string_or(extension, "service_type", routed ? "ClusterIP" : "LoadBalancer");
  int first = ports.external.empty() ? 0 : ports.external[0]["port"].get<int>();
  if (!ports.external.empty())
    add_port_service(draft, service, published_name(service), type, std::move(ports.external),
                     member("annotations"));
  if (!ports.internal.empty())
    add_port_service(draft, service, with_suffix(object_name(service.name), "-local"), "ClusterIP",
                     std::move(ports.internal), none);
  if (first == 0) return;
  if (member("ingress").is_object())
    add_ingress(draft, service, member("ingress"), published_name(service), first);
  if (member("route").is_object()) add_route(draft, service, member("route"), published_name(service), first);
}

}  // namespace stack::targets::kubernetes
