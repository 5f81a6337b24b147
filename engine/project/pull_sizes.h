// How much the pulls of a plan will fetch, as far as the registries tell.
#pragma once

#include "engine/image/registry_service.h"
#include "orchestrator/plan/plan.h"

namespace stack::engine {

// Adds the size to the cause of each pull: "no image; 45.6MB". Asks all registries but Docker Hub at once and waits a few seconds at most;
// what is not known by then stays as it is.
Task<> add_pull_sizes(orchestrator::Plan& plan, Context& context, RegistryService& registries, Caller caller);

}  // namespace stack::engine
