// The way to clusters. Their clients need TLS, so they are a separate program, `stack-cluster`: the same command
// line with a runner. `stack` replaces itself with it when a command concerns a cluster.
#pragma once

#include <string>
#include <vector>

#include "cli/flags/flags.h"
#include "cli/session/session.h"
#include "orchestrator/targets/target_name.h"

namespace stack::cli {

// Runs the session's command on a cluster. Returns the exit code.
using ClusterRunner = Result<int> (*)(Session& session, const Arguments& arguments,
                                      targets::TargetName target);

// The target this command runs on. --target applies to every command; STACK_TARGET and x-stack.target apply to
// those that clusters support. A command that the named target does not support is an error.
Result<targets::TargetName> choose_target(const Session& session);

// Replaces this process with stack-cluster. Returns only if that fails.
Error run_cluster_program(const std::vector<std::string>& words);

}  // namespace stack::cli
