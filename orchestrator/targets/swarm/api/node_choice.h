// Which node keeps a volume that is on the disk of one node. Pure.
#pragma once

#include <map>
#include <string>

#include "orchestrator/targets/swarm/api/live_project.h"

namespace stack::targets::swarm {

// Label of the config that remembers the nodes of volumes. It outlives `down`, as the volumes do.
inline constexpr std::string_view kVolumesLabel = "stack.volumes";

// Volume's real name -> node ID, as remembered.
std::map<std::string, std::string> remembered_nodes(const LiveProject& live);

// A node for each local volume of the conversion: the remembered one; else the one where its service already runs;
// else, for all volumes that services have in common, a ready node that their constraints allow, with the fewest
// volumes. A volume is left out if no node fits.
std::map<std::string, std::string> choose_nodes(const Conversion& conversion, const LiveProject& live,
                                                const std::vector<Json>& tasks);

// Adds the config that remembers the nodes. `nodes` includes volumes that are no longer in the files.
void remember_nodes(Conversion& conversion, const std::string& project,
                    const std::map<std::string, std::string>& nodes);

// Whether a placement constraint ("node.labels.zone == a") allows the node. Unknown attributes allow none.
bool allows(const std::string& constraint, const SwarmNode& node);

}  // namespace stack::targets::swarm
