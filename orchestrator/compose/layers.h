// The files of a project into one tree: each document is interpolated, checked, made canonical, its includes
// loaded, its extends resolved, and it is laid over what came before.
#pragma once

#include "orchestrator/compose/settings.h"

namespace stack::compose {

// The merged, canonical tree, its `name` set. What is wrong is reported; the rest is in the tree.
Node merge_layers(Session& session, std::vector<ParsedFile> files);

}  // namespace stack::compose
