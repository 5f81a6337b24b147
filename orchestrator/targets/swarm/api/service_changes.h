// Compares objects as the swarm has and would have them. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "orchestrator/targets/object_plan.h"

namespace stack::targets::swarm {

// The differences of two service specifications. `live` refers to networks by ID: network_names translates. Values that
// the swarm adds by itself are no differences.
std::vector<ObjectChange> service_changes(const Json& live, const Json& wanted,
                                          const std::map<std::string, std::string>& network_names);

// Whether a service of one mode cannot become one of the other by an update.
bool changes_mode(const Json& live, const Json& wanted);

}  // namespace stack::targets::swarm
