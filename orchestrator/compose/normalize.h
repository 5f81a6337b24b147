// Adds implied values: default network, real names, implicit dependencies, build defaults.
#pragma once

#include "orchestrator/compose/session.h"

namespace stack::compose {

// Added nodes have the mark of the node that implies them, and are `made`.
void normalize(Node& tree, const Session& session);

// `volumes: {data: }` -> `volumes: {data: {}}`. Part of normalize().
void fill_empty_resources(Node& tree);

}  // namespace stack::compose
