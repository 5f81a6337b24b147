// The project of the session as objects of a swarm.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "cli/session/session.h"
#include "orchestrator/targets/swarm/api/live_project.h"
#include "orchestrator/targets/swarm/api/service_state.h"

namespace stack::cli::cluster {

// Converts without a swarm: volumes have no node yet.
targets::swarm::Conversion convert_offline(const compose::Loaded& loaded,
                                           std::map<std::string, targets::ImageFacts> images);

// Converts for a swarm: volumes on a node's disk get a node, which is remembered. `warnings` tells which.
targets::swarm::Conversion convert_online(const compose::Loaded& loaded,
                                          std::map<std::string, targets::ImageFacts> images, int api_version,
                                          const targets::swarm::LiveProject& live,
                                          const std::vector<Json>& tasks, std::vector<std::string>& warnings);

// Facts about the project's images. With `transfer`, images that the project builds are built and pushed; without a
// registry, they are loaded into the manager if it is the only node of its swarm.
Result<std::map<std::string, targets::ImageFacts>> swarm_images(Session& session,
                                                                targets::swarm::DockerConnection& docker,
                                                                const targets::swarm::LiveProject& live,
                                                                const compose::Project& project,
                                                                const Arguments& arguments, bool transfer);

// Image reference -> X-Registry-Auth with the caller's credentials.
std::map<std::string, std::string> registry_headers(const Session& session,
                                                    const std::set<std::string>& images);

// A task of the project.
struct ProjectTask {
  targets::swarm::TaskRow row;
  std::string node;  // ID
};
// The tasks of the services (empty: all), sorted by name, the newest first. Unknown services are an error that names the
// known ones.
Result<std::vector<ProjectTask>> project_tasks(targets::swarm::DockerConnection& docker,
                                               const std::string& project,
                                               const std::vector<std::string>& services);

}  // namespace stack::cli::cluster
