// Why a container must be created again.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"

namespace stack::orchestrator {

// Why the container differs from the desired service: "config changed: environment.DEBUG"; nullopt if it does not.
// The image is compared with the local one of that name.
std::optional<std::string> recreate_cause(const DesiredService& service, const ObservedContainer& container,
                                          const ObservedState& observed);

}  // namespace stack::orchestrator
