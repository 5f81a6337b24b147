// env_file and label_file: read, and folded under `environment` and `labels`.  Later files win over earlier
// ones, what the service says itself wins over all of them.
#pragma once

#include "orchestrator/compose/session.h"

namespace stack::compose {

// For every service of the tree; the keys env_file and label_file disappear from it.
void fold_env_files(Node& tree, Session& session);

}  // namespace stack::compose
