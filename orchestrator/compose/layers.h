// Merges the files of a project into one tree. Each document is interpolated, checked, made canonical, and merged over
// the previous ones, after its includes are loaded and its extends are resolved.
#pragma once

#include "orchestrator/compose/settings.h"

namespace stack::compose {

// Returns the merged, canonical tree with `name` set. Reports errors; the valid parts are in the tree.
Node merge_layers(Session& session, std::vector<ParsedFile> files);

}  // namespace stack::compose
