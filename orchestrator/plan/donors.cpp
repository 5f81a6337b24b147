#include "orchestrator/plan/donors.h"

#include <algorithm>
#include <string_view>

namespace stack::orchestrator {

namespace {

constexpr std::string_view kDonorPrefix = "service:";

bool has_container(const std::string& service, const DesiredState& desired, const ObservedState& observed) {
  auto wanted = desired.services.find(service);
  if (wanted != desired.services.end() && wanted->second.replicas > 0) return true;
  return std::any_of(
      observed.containers.begin(), observed.containers.end(),
      [&](const ObservedContainer& container) { return container.service == service && !container.oneoff; });
}

Error missing_donor(const char* what, const std::string& service) {
  return not_found(std::string("cannot share ") + what + " with service " + service + ": container missing");
}

Result<> check_service_donors(const compose::Service& service, const DesiredState& desired,
                              const ObservedState& observed) {
  const std::pair<const char*, const std::string*> modes[] = {{"network namespace", &service.network_mode},
                                                              {"IPC namespace", &service.ipc},
                                                              {"PID namespace", &service.pid},
                                                              {"UTS namespace", &service.uts},
                                                              {"cgroup namespace", &service.cgroup}};
  for (const auto& [what, mode] : modes) {
    if (!mode->starts_with(kDonorPrefix)) continue;
    std::string donor = mode->substr(kDonorPrefix.size());
    if (!has_container(donor, desired, observed)) return missing_donor(what, donor);
  }
  for (const std::string& from : service.volumes_from) {
    std::string donor = from.substr(0, from.find(':'));
    if (donor != "container" && !has_container(donor, desired, observed)) return missing_donor("volume", donor);
  }
  return {};
}

}  // namespace

Result<> check_donors(const compose::Project& project, const DesiredState& desired, const ObservedState& observed) {
  for (const auto& [name, service] : desired.services) {
    auto config = project.services.find(name);
    if (config == project.services.end() || service.replicas == 0) continue;
    TRY(check_service_donors(config->second, desired, observed));
  }
  return {};
}

}  // namespace stack::orchestrator
