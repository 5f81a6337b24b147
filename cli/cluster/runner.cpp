#include "cli/cluster/runner.h"

#include "cli/cluster/kubernetes/commands.h"
#include "cli/cluster/swarm/commands.h"

namespace stack::cli::cluster {

Result<int> run_on_cluster(Session& session, const Arguments& arguments, targets::TargetName target) {
  if (target == targets::TargetName::Kubernetes) return run_on_kubernetes(session, arguments);
  return run_on_swarm(session, arguments);
}

}  // namespace stack::cli::cluster
