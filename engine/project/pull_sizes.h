// The download sizes of a plan's pulls, if the registries report them.
#pragma once

#include "engine/image/registry_service.h"
#include "orchestrator/plan/plan.h"

namespace stack::engine {

// Adds the size to the cause of each pull: "no image; 45.6MB". Queries all registries except Docker Hub
// concurrently and waits at most a few seconds; causes without a known size stay unchanged.
Task<> add_pull_sizes(orchestrator::Plan& plan, Context& context, RegistryService& registries, Caller caller);

}  // namespace stack::engine
