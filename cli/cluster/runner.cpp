#include "cli/cluster/runner.h"

#include "cli/cluster/kubernetes/commands.h"

namespace stack::cli::cluster {

Result<int> run_on_cluster(Session& session, const Arguments& arguments, targets::TargetName target) {
  if (target == targets::TargetName::Kubernetes) return run_on_kubernetes(session, arguments);
  return unsupported("the target " + std::string(targets::to_text(target)) +
                     " is not supported by this version");
}

}  // namespace stack::cli::cluster
