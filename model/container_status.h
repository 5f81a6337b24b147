// A container's status in Docker's terms: State.Status in inspections, State in lists.
// https://docs.docker.com/reference/api/engine/ (ContainerState)
#pragma once

#include <string_view>

namespace stack {

enum class ContainerStatus { Created, Running, Paused, Restarting, Removing, Exited, Dead };

std::string_view to_text(ContainerStatus status);  // "running", ...

}  // namespace stack
