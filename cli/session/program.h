// Runs the command line.
#pragma once

#include <string>
#include <vector>

#include "cli/session/cluster_link.h"

namespace stack::cli {

// `words` is argv. words[0] may be "docker-compose", and words[1] may be "compose" (`stack compose up`). Returns the
// exit code. Without a runner, commands on clusters are left to stack-cluster.
int run_program(const std::vector<std::string>& words, ClusterRunner cluster = nullptr);

}  // namespace stack::cli
