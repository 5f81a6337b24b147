// Loads the project of the session for a cluster.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/session/session.h"
#include "orchestrator/targets/image_facts.h"

namespace stack::cli::cluster {

// Loads the Compose files. Messages about what the local engine does not support are left to the fidelity report.
Result<compose::Loaded> load_project(Session& session, const std::vector<std::string>& services);
// The local engine's facts about the project's images, if an engine runs (never starts one).
std::map<std::string, targets::ImageFacts> image_facts(Session& session, const compose::Project& project);

}  // namespace stack::cli::cluster
