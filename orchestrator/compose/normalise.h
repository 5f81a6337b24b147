// What the files leave unsaid: default network, real names, implicit dependencies, build defaults.
#pragma once

#include "orchestrator/compose/session.h"

namespace stack::compose {

// Everything added carries the mark of what it follows from, and is `made`.
void normalise(Node& tree, const Session& session);

// `volumes: {data: }` -> `volumes: {data: {}}`. Part of normalise().
void fill_empty_resources(Node& tree);

}  // namespace stack::compose
