// Hooks that run before a service starts, each in its own container:
// https://docs.docker.com/compose/how-tos/init-containers/. Pure.
#pragma once

#include <vector>

#include "base/result.h"
#include "model/container.h"
#include "orchestrator/compose/project.h"
#include "orchestrator/plan/plan_builder.h"

namespace stack::orchestrator {

// One container spec per hook: the service's container (`base`, including labels) with the hook's image, command, user,
// working directory, and additional environment, but without ports, aliases, fixed addresses, health check, and restart
// policy. It uses the volumes of the first replica, which the target adds if it exists. The image's entrypoint stays,
// because a hook's command corresponds to a container's command.
std::vector<ContainerSpec> pre_start_specs(const compose::Project& project, const compose::Service& service,
                                           const ContainerSpec& base);

// Adds the hooks of a service in sequence, after `earlier`. They use the volumes of `replica`.
// Returns the actions.
std::vector<ActionId> add_pre_start(PlanBuilder& plan, const DesiredService& service,
                                    const ContainerRef& replica, const std::vector<Edge>& earlier);

}  // namespace stack::orchestrator
