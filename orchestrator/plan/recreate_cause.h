// The reason to recreate a container.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"

namespace stack::orchestrator {

// The difference between the container and the desired service: "config changed: environment.DEBUG"; nullopt if
// there is none. The container's image is compared with the local image of that name.
std::optional<std::string> recreate_cause(const DesiredService& service, const ObservedContainer& container,
                                          const ObservedState& observed);

}  // namespace stack::orchestrator
