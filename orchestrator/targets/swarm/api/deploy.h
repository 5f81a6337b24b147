// Carries out a plan and waits until the project matches it.
#pragma once

#include <map>
#include <string>

#include "orchestrator/targets/deployment.h"
#include "orchestrator/targets/swarm/api/swarm_plan.h"

namespace stack::targets::swarm {

struct SwarmDeployOptions : DeployOptions {
  // Image reference -> value of X-Registry-Auth, with which the nodes pull it.
  std::map<std::string, std::string> registry_auth;
  std::chrono::seconds removal_timeout{120};
};

// Creates networks, configs, and secrets; then each service once what it depends on has started, is healthy, or has
// completed; then waits until all services are ready; then removes objects that are no longer in the files. The swarm
// itself rolls failed updates back, as `update_config` says. Idempotent: after an interruption, the next deployment
// completes the work.
DeployResult deploy(DockerConnection& docker, const std::string& project, const Conversion& conversion,
                    const SwarmPlan& plan, const LiveProject& live, const PlaceFinder& place,
                    const SwarmDeployOptions& options);

// Carries out plan_removal() and waits until containers and networks are gone. Nodes that are down are not awaited.
DeployResult remove_project(DockerConnection& docker, const std::string& project, const SwarmPlan& plan,
                            const SwarmDeployOptions& options);

// The last lines of a task's output.
std::vector<std::string> last_lines_of_task(DockerConnection& docker, const std::string& task);

}  // namespace stack::targets::swarm
