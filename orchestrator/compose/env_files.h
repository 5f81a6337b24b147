// Reads env_file and label_file and merges them below `environment` and `labels`. Later files override earlier ones;
// values in the service override all files.
#pragma once

#include "orchestrator/compose/session.h"

namespace stack::compose {

// Processes every service of the tree and removes the keys env_file and label_file.
void fold_env_files(Node& tree, Session& session);

}  // namespace stack::compose
