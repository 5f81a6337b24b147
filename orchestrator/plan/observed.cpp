#include "orchestrator/plan/observed.h"

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

}  // namespace stack::orchestrator
