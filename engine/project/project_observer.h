// The observed state for plans: existing containers, networks, volumes, and images, and the machine.
#pragma once

#include <string>
#include <vector>

#include "engine/project/project_parts.h"
#include "engine/project/project_requests.h"
#include "engine/project/stored_projects.h"
#include "orchestrator/plan/preflight.h"

namespace stack::engine {

// If `desired` is null, only the images of the project's containers are included.
orchestrator::ObservedState observe(const ProjectParts& parts, const std::string& project,
                                    const orchestrator::DesiredState* desired);

// Adds the current build inputs of the images. Checks every file of their contexts, on the engine's pool.
Task<orchestrator::ObservedState> observe_builds(ProjectParts parts,
                                                 const orchestrator::DesiredState& desired,
                                                 orchestrator::ObservedState observed);

// Drops containers that a start of these must neither start nor wait for: others that do not run, except completed
// ones.
void keep_only(orchestrator::ObservedState& observed, const std::vector<std::string>& services,
               const std::vector<std::string>& ids);

// Whether the project has a container.
bool has_containers(const ProjectParts& parts, const std::string& project);
// Whether it has a container or a network.
bool has_anything(const ProjectParts& parts, const std::string& project);

// Conflict if the project's containers belong to another folder.
Result<> check_identity(const ProjectParts& parts, const StoredProjects& stored,
                        const compose::Project& project);

// Problems that would make the plan fail on this machine.
std::vector<orchestrator::Problem> preflight(const ProjectParts& parts, const LoadedProject& loaded,
                                             const orchestrator::Plan& plan,
                                             const orchestrator::ObservedState& observed);

}  // namespace stack::engine
