// Which kind of workload a service is.
#include "base/text.h"
#include "orchestrator/targets/kubernetes/draft.h"

namespace stack::targets::kubernetes {

namespace {

bool is_awaited(const Project& project, const std::string& name) {
  for (const auto& [other, service] : project.services) {
    auto found = service.depends_on.find(name);
    if (found != service.depends_on.end() &&
        found->second.condition == compose::DependencyCondition::CompletedSuccessfully)
      return true;
  }
  return false;
}

bool serves(const Draft& draft, const Service& service) {
  return !service.ports.empty() || !service.expose.empty() || health_of(draft, service).has_value();
}

bool is_job(const Draft& draft, const Service& service) {
  std::string mode = service.deploy ? service.deploy->mode : "";
  if (mode == "replicated-job" || mode == "global-job") return true;
  if (is_awaited(draft.project, service.name)) return true;
  if (serves(draft, service)) return false;
  if (service.deploy && service.deploy->restart_policy) {
    const std::string& condition = service.deploy->restart_policy->condition;
    return condition == "none" || condition == "on-failure";
  }
  if (!service.restart) return false;
  return service.restart->mode == compose::RestartMode::No ||
         service.restart->mode == compose::RestartMode::OnFailure;
}

// Whether the service is the only one that uses a named volume, and writes to it.
bool owns_volume(const Draft& draft, const Service& service) {
  for (const compose::VolumeMount& mount : service.volumes) {
    if (mount.type != compose::MountType::Volume || mount.source.empty() || mount.read_only) continue;
    auto found = draft.claims.find(mount.source);
    if (found != draft.claims.end() && found->second.size() == 1) return true;
  }
  return false;
}

WorkloadKind kind_of(const Draft& draft, const Service& service) {
  if (is_job(draft, service)) return WorkloadKind::Job;
  if (service.deploy && service.deploy->mode == "global") return WorkloadKind::DaemonSet;
  if (compose::replicas(service) == 1 && owns_volume(draft, service)) return WorkloadKind::StatefulSet;
  return WorkloadKind::Deployment;
}

// The service whose network namespace this one shares, through any number of steps; itself if none.
std::string owner_of(const Draft& draft, const Service& service) {
  const Project& project = draft.project;
  std::string name = service.name;
  for (size_t steps = 0; steps <= project.services.size(); ++steps) {
    auto found = project.services.find(name);
    if (found == project.services.end()) return service.name;
    constexpr std::string_view kPrefix = "service:";
    const std::string& mode = found->second.network_mode;
    if (!mode.starts_with(kPrefix)) return name;
    name = mode.substr(kPrefix.size());
  }
  return service.name;
}

// Whether the file asks for isolation: several networks, or an internal one.
bool asks_isolation(const Project& project) {
  std::set<std::string> used;
  for (const auto& [name, service] : project.services) {
    for (const auto& [network, options] : service.networks) used.insert(network);
    if (service.network_mode == "none") return true;
  }
  for (const auto& [name, network] : project.networks)
    if (network.internal && used.contains(name)) return true;
  return used.size() > 1;
}

}  // namespace

void decide_kinds(Draft& draft) {
  for (const auto& [name, service] : draft.project.services)
    for (const compose::VolumeMount& mount : service.volumes)
      if (mount.type == compose::MountType::Volume && !mount.source.empty())
        draft.claims[mount.source].insert(name);
  for (const auto& [name, service] : draft.project.services) {
    draft.owners[name] = owner_of(draft, service);
    draft.kinds[name] = kind_of(draft, service);
  }
  draft.isolated = asks_isolation(draft.project);
}

}  // namespace stack::targets::kubernetes
