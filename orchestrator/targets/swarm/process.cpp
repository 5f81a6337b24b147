// The process of a service: image, command, environment, health check, names of hosts.
#include <algorithm>

#include "base/text.h"
#include "orchestrator/targets/swarm/draft.h"

namespace stack::targets::swarm {

namespace {

constexpr int kVersionOfStartInterval = 44;

// A name without a registry would be another publisher's image on the public registry.
std::string image_of(Draft& draft, const ServiceDraft& parts) {
  const Service& service = parts.service;
  std::string name = compose::image_name(draft.project, service);
  const ImageFacts& facts = draft.facts(service);
  if (!facts.reference.empty()) return facts.reference;
  if (!service.build) return name;
  if (name.find('/') == std::string::npos) name = "localhost/" + name;
  draft.notes.adapted(parts.at("/build"), "the nodes need the image " + name +
                                              ": `deploy --push-to REGISTRY` pushes it by digest");
  return name;
}

void add_command(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  if (service.entrypoint) {
    if (!service.entrypoint->empty()) {
      parts.container["Command"] = strings(*service.entrypoint);
    } else if (service.command && !service.command->empty()) {
      // Without an entry point, the command is the whole invocation.
      parts.container["Command"] = strings(*service.command);
      return;
    } else {
      draft.notes.lost(parts.at("/entrypoint"), "a swarm cannot clear the image's entry point");
    }
  }
  if (service.command && !service.command->empty()) parts.container["Args"] = strings(*service.command);
  if (service.command && service.command->empty() && !service.entrypoint)
    draft.notes.lost(parts.at("/command"), "a swarm cannot clear the image's command");
}

void add_environment(Draft& draft, ServiceDraft& parts) {
  OrderedJson out = OrderedJson::array();
  for (const auto& [name, value] : parts.service.environment) {
    std::string pointer = pointer_to(parts.at("/environment"), name);
    if (!value) {
      out.push_back(name);
      continue;
    }
    std::string text = without_placeholders(*value);
    if (text == *value && text.find("{{") != std::string::npos)
      draft.notes.adapted(pointer, "the swarm fills in the placeholder");
    out.push_back(name + "=" + text);
  }
  if (!out.empty()) parts.container["Env"] = std::move(out);
}

void add_health(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  if (!service.healthcheck) return;
  const compose::Healthcheck& health = *service.healthcheck;
  OrderedJson out = OrderedJson::object();
  if (health.disable) {
    out["Test"] = OrderedJson::array({"NONE"});
  } else {
    if (!health.test.empty()) out["Test"] = strings(health.test);
    if (health.interval) out["Interval"] = health.interval->count();
    if (health.timeout) out["Timeout"] = health.timeout->count();
    if (health.retries) out["Retries"] = *health.retries;
    if (health.start_period) out["StartPeriod"] = health.start_period->count();
    if (health.start_interval) {
      if (draft.knows(kVersionOfStartInterval)) {
        out["StartInterval"] = health.start_interval->count();
      } else {
        draft.notes.lost(parts.at("/healthcheck/start_interval"), "the manager's Docker is older than 25");
      }
    }
  }
  if (!out.empty()) parts.container["Healthcheck"] = std::move(out);
}

void add_hosts(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  OrderedJson hosts = OrderedJson::array();
  for (size_t i = 0; i < service.extra_hosts.size(); ++i) {
    const std::string& entry = service.extra_hosts[i];
    size_t equals = entry.find('=');
    std::string address = equals == std::string::npos ? "" : entry.substr(equals + 1);
    if (address == "host-gateway") {
      draft.notes.lost(pointer_to(parts.at("/extra_hosts"), std::to_string(i)),
                       "tasks run on different nodes, so no address is the host's");
    } else if (!address.empty()) {
      hosts.push_back(address + " " + entry.substr(0, equals));
    }
  }
  if (!hosts.empty()) parts.container["Hosts"] = std::move(hosts);
  OrderedJson dns = OrderedJson::object();
  if (!service.dns.empty()) dns["Nameservers"] = strings(service.dns);
  if (!service.dns_search.empty()) dns["Search"] = strings(service.dns_search);
  if (!service.dns_opt.empty()) dns["Options"] = strings(service.dns_opt);
  if (!dns.empty()) parts.container["DNSConfig"] = std::move(dns);
}

void add_identity(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  OrderedJson& out = parts.container;
  if (!service.hostname.empty()) out["Hostname"] = without_placeholders(service.hostname);
  if (!service.working_dir.empty()) out["Dir"] = without_placeholders(service.working_dir);
  if (!service.user.empty()) out["User"] = without_placeholders(service.user);
  if (!service.group_add.empty()) out["Groups"] = strings(service.group_add);
  if (service.init) out["Init"] = *service.init;
  if (service.tty) out["TTY"] = true;
  if (service.stdin_open) out["OpenStdin"] = true;
  if (service.read_only) out["ReadOnly"] = true;
  if (!service.stop_signal.empty()) out["StopSignal"] = service.stop_signal;
  if (service.stop_grace_period) out["StopGracePeriod"] = service.stop_grace_period->count();
  if (service.pull_policy == "never" || service.pull_policy == "build")
    draft.notes.adapted(parts.at("/pull_policy"), "a node asks the registry first, then takes its own image");
  if (!service.pre_start.empty())
    draft.notes.refused(parts.at("/pre_start"),
                        "a swarm has no hooks; use a service and `service_completed_successfully`");
}

}  // namespace

std::optional<compose::Healthcheck> health_of(const Draft& draft, const Service& service) {
  if (service.healthcheck) {
    if (service.healthcheck->disable) return std::nullopt;
    if (!service.healthcheck->test.empty()) return service.healthcheck;
  }
  const ImageFacts& facts = draft.facts(service);
  bool from_image = facts.known && facts.healthcheck && !facts.healthcheck->disable;
  return from_image ? facts.healthcheck : std::nullopt;
}

void add_process(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  parts.container["Image"] = image_of(draft, parts);
  OrderedJson labels{{std::string(kNamespaceLabel), draft.project.name},
                     {std::string(kServiceLabel), service.name}};
  for (const auto& [key, value] : service.labels) labels[key] = value;
  parts.container["Labels"] = std::move(labels);
  add_command(draft, parts);
  add_environment(draft, parts);
  add_identity(draft, parts);
  add_health(draft, parts);
  add_hosts(draft, parts);
}

}  // namespace stack::targets::swarm
