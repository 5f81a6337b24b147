#include "orchestrator/compose/project.h"

namespace stack::compose {

std::string default_name(const Project& project, const std::string& service) {
  return project.name + project.separator + service;
}

std::string image_name(const Project& project, const Service& service) {
  return service.image.empty() ? default_name(project, service.name) : service.image;
}

int64_t replicas(const Service& service) {
  if (service.scale) return *service.scale;
  // One replica per machine, and there is only one machine.
  if (service.deploy && service.deploy->mode.starts_with("global")) return 1;
  if (service.deploy && service.deploy->replicas) return *service.deploy->replicas;
  return 1;
}

std::string to_text(const RestartPolicy& policy) {
  switch (policy.mode) {
    case RestartMode::No:
      return "no";
    case RestartMode::Always:
      return "always";
    case RestartMode::UnlessStopped:
      return "unless-stopped";
    case RestartMode::OnFailure:
      break;
  }
  return policy.max_retries > 0 ? "on-failure:" + std::to_string(policy.max_retries) : "on-failure";
}

std::string_view to_text(DependencyCondition condition) {
  switch (condition) {
    case DependencyCondition::Started:
      return "service_started";
    case DependencyCondition::Healthy:
      return "service_healthy";
    case DependencyCondition::CompletedSuccessfully:
      break;
  }
  return "service_completed_successfully";
}

std::string_view to_text(MountType type) {
  switch (type) {
    case MountType::Bind:
      return "bind";
    case MountType::Volume:
      return "volume";
    case MountType::Tmpfs:
      return "tmpfs";
    case MountType::Image:
      break;
  }
  return "image";
}

std::string origin_of(const Project& project, std::string_view json_pointer) {
  while (!json_pointer.empty()) {
    auto found = project.origins.find(std::string(json_pointer));
    if (found != project.origins.end()) return found->second;
    json_pointer = json_pointer.substr(0, json_pointer.rfind('/'));
  }
  return {};
}

}  // namespace stack::compose
