// The final tree -> Project. Cannot fail: everything has been checked.
#pragma once

#include "orchestrator/compose/select.h"

namespace stack::compose {

Project decode_project(const Node& tree, const Selection& selection, const Session& session);

// The configs and secrets alone, of a tree that may have mistakes.
void decode_file_objects(const Node& tree, Project& project);

// Reads the bytes of the configs and secrets that enabled services use; what cannot be read is reported at
// the place of the object's definition in the tree.
void load_contents(Project& project, const Node& tree, Session& session);

// A node as compact JSON text, keys in order of writing (extensions).
std::string json_text(const Node& node);

}  // namespace stack::compose
