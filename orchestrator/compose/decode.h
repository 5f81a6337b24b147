// Converts the final tree to a Project. Cannot fail, because the tree has been checked.
#pragma once

#include "orchestrator/compose/select.h"

namespace stack::compose {

Project decode_project(const Node& tree, const Selection& selection, const Session& session);

// Decodes only configs and secrets, from a tree that may contain errors.
void decode_file_objects(const Node& tree, Project& project);

// Reads the contents of the configs and secrets that enabled services use. Reports read errors at the definition of the
// object in the tree.
void load_contents(Project& project, const Node& tree, Session& session);

// A node as compact JSON text, with keys in source order (extensions).
std::string json_text(const Node& node);

}  // namespace stack::compose
