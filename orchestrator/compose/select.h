// Which services take part: profiles, the services named by the caller, and what they need.
#pragma once

#include "orchestrator/compose/session.h"

namespace stack::compose {

struct Selection {
  std::vector<std::string> active_profiles;
  std::map<std::string, DisabledService> disabled;
  std::vector<std::string> all_profiles;  // that occur anywhere, sorted
};

// Takes the disabled services out of the tree.
Selection select_services(Node& tree, Session& session);

// Takes networks, volumes, configs and secrets out that no service of the tree uses.
void drop_unused_resources(Node& tree);

}  // namespace stack::compose
