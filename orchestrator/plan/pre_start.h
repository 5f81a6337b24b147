// Hooks that run before a service starts, each in a container of its own:
// https://docs.docker.com/compose/how-tos/init-containers/. Pure.
#pragma once

#include <vector>

#include "base/result.h"
#include "model/container.h"
#include "orchestrator/compose/project.h"
#include "orchestrator/plan/plan_builder.h"

namespace stack::orchestrator {

// One description for each hook: the service's container (`base`, complete with labels) with the hook's
// image, command, user, working directory and further environment; without what makes it the service (ports,
// aliases, fixed addresses, health check, restart policy). Its volumes are those of the first replica, which
// the driver adds when it is there. The image's entrypoint stays: a hook's command is what a container is
// given.
std::vector<ContainerSpec> pre_start_specs(const compose::Project& project, const compose::Service& service,
                                           const ContainerSpec& base);

// Adds the hooks of a service, one after the other, after `earlier`. `replica`: whose volumes they see.
// Returns their actions.
std::vector<ActionId> add_pre_start(PlanBuilder& plan, const DesiredService& service,
                                    const ContainerRef& replica, const std::vector<Edge>& earlier);

}  // namespace stack::orchestrator
