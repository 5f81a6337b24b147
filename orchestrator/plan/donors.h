// Services whose namespaces or volumes other services use.
#pragma once

#include "base/result.h"
#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"

namespace stack::orchestrator {

// Fails if a desired service uses a namespace or the volumes of a service that has no container and that the plan does not
// create: `up --no-deps` after its removal.
Result<> check_donors(const compose::Project& project, const DesiredState& desired, const ObservedState& observed);

}  // namespace stack::orchestrator
