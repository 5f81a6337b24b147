// The final tree -> Project. Cannot fail: everything has been checked.
#pragma once

#include "orchestrator/compose/select.h"

namespace stack::compose {

Project decode_project(const Node& tree, const Selection& selection, const Session& session);

// Reads the bytes of the configs and secrets that enabled services use; what cannot be read is reported at
// the place of the object's definition in the tree.
void load_contents(Project& project, const Node& tree, Session& session);

// A node as compact JSON text, keys in order of writing (extensions).
std::string json_text(const Node& node);

}  // namespace stack::compose
