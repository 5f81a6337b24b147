// `ls` on a cluster: the projects and the states of their containers; shared by all targets.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "cli/session/session.h"

namespace stack::cli::cluster {

// The number of containers in each state, by project.
using ProjectStates = std::map<std::string, std::map<std::string, int>>;

// The exit code of a usage error if there is a filter other than name=TEXT.
std::optional<int> refuse_project_filters(const Session& session, const Arguments& arguments);

// Prints the projects that the options choose. `place_title` names the column of `place`, where they all run: "Namespace".
Result<int> print_projects(const Arguments& arguments, const ProjectStates& projects,
                           const std::string& place_title, const std::string& place);

}  // namespace stack::cli::cluster
