#include "orchestrator/plan/pre_start.h"

#include <algorithm>

#include "model/labels.h"
#include "orchestrator/plan/service_container.h"

namespace stack::orchestrator {
namespace {

// Removes names and addresses that belong to the service's own containers.
void give_up_identity(ContainerSpec& spec) {
  spec.ports.clear();
  spec.hostname.clear();
  for (EndpointSpec& endpoint : spec.endpoints) {
    endpoint.aliases = {spec.name};
    endpoint.ipv4_address.reset();
    endpoint.ipv6_address.reset();
    endpoint.mac_address.reset();
    endpoint.link_local_ips.clear();
  }
}

// Removes settings that prevent the process from running once and exiting.
void run_once(ContainerSpec& spec) {
  spec.restart = {};
  spec.healthcheck = HealthcheckSpec{};
  spec.healthcheck->test = {"NONE"};
  spec.post_start.clear();
  spec.pre_stop.clear();
  spec.tty = false;
  spec.open_stdin = false;
}

// The hook's entry of /etc/hosts overrides the service's entry of the same name.
void add_extra_hosts(const compose::StringList& hosts, ContainerSpec& spec) {
  std::vector<std::string> own;
  for (const std::string& host : hosts) own.push_back(extra_host_spec(host));
  std::erase_if(spec.extra_hosts, [&own](const std::string& inherited) {
    std::string name = inherited.substr(0, inherited.find(':') + 1);
    return std::any_of(own.begin(), own.end(), [&name](const std::string& each) { return each.starts_with(name); });
  });
  spec.extra_hosts.insert(spec.extra_hosts.end(), own.begin(), own.end());
}

void set_hook(const compose::Project& project, const compose::ServiceHook& hook, ContainerSpec& spec) {
  if (!hook.image.empty()) {
    spec.image = hook.image;
    spec.platform.clear();
  }
  spec.entrypoint.reset();
  spec.command = hook.command;
  if (!hook.user.empty()) spec.user = hook.user;
  if (!hook.working_dir.empty()) spec.working_dir = hook.working_dir;
  spec.privileged = spec.privileged || hook.privileged;
  // The others are those of the first replica.
  spec.mounts.clear();
  for (const compose::VolumeMount& volume : hook.volumes) spec.mounts.push_back(mount_spec(project, volume));
  add_extra_hosts(hook.extra_hosts, spec);
  for (const auto& [name, value] : hook.environment) {
    std::erase_if(spec.env, [&, key = name](const std::string& setting) {
      return setting.substr(0, setting.find('=')) == key;
    });
    spec.env.push_back(value ? name + "=" + *value : name);
  }
}

}  // namespace

std::vector<ContainerSpec> pre_start_specs(const compose::Project& project, const compose::Service& service,
                                           const ContainerSpec& base) {
  std::vector<ContainerSpec> specs;
  for (const compose::ServiceHook& hook : service.pre_start) {
    ContainerSpec spec = base;
    const std::string& separator = project.separator;
    spec.name = compose::default_name(project, service.name) + separator + "pre_start" + separator +
                std::to_string(specs.size() + 1);
    spec.labels[label::kOneOff] = "True";
    spec.labels[label::kHook] = "pre_start";
    give_up_identity(spec);
    run_once(spec);
    set_hook(project, hook, spec);
    specs.push_back(std::move(spec));
  }
  return specs;
}

std::vector<ActionId> add_pre_start(PlanBuilder& plan, const DesiredService& service,
                                    const ContainerRef& replica, const std::vector<Edge>& earlier) {
  std::vector<ActionId> hooks;
  for (const ContainerSpec& spec : service.pre_start) {
    ActionId id = plan.add(service.name, RunPreStart{spec, replica, hooks.size()}, "service is not running");
    plan.after(id, earlier);
    if (!hooks.empty()) plan.after(id, hooks.back());
    hooks.push_back(id);
  }
  return hooks;
}

}  // namespace stack::orchestrator
