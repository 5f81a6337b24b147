// Runs commands on clusters: the runner of `stack-cluster`.
#pragma once

#include "cli/session/cluster_link.h"

namespace stack::cli::cluster {

// Dispatches by target: each has a folder of its own here.
Result<int> run_on_cluster(Session& session, const Arguments& arguments, targets::TargetName target);

}  // namespace stack::cli::cluster
