// Selects services by profiles and by the caller's names, with their dependencies.
#pragma once

#include "orchestrator/compose/session.h"

namespace stack::compose {

struct Selection {
  std::vector<std::string> active_profiles;
  std::map<std::string, DisabledService> disabled;
  std::vector<std::string> all_profiles;  // all profiles in the files, sorted
};

// Removes the disabled services from the tree. Jobs that do not run go to the section `jobs`, to be shown.
Selection select_services(Node& tree, Session& session);

// Removes networks, volumes, configs, and secrets that no service in the tree uses.
void drop_unused_resources(Node& tree);

}  // namespace stack::compose
