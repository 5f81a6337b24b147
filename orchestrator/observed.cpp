#include "orchestrator/observed.h"

#include <string_view>

namespace stack::orchestrator {

std::string_view to_text(ContainerState state) {
  switch (state) {
    case ContainerState::Created:
      return "created";
    case ContainerState::Running:
      return "running";
    case ContainerState::Restarting:
      return "restarting";
    case ContainerState::Paused:
      return "paused";
    case ContainerState::Exited:
      return "exited";
    case ContainerState::Dead:
      return "dead";
  }
  return "";
}

std::string_view to_text(Health health) {
  switch (health) {
    case Health::None:
      return "none";
    case Health::Starting:
      return "starting";
    case Health::Healthy:
      return "healthy";
    case Health::Unhealthy:
      return "unhealthy";
  }
  return "";
}

}  // namespace stack::orchestrator
