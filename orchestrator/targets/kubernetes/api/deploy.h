// Carries out a plan and waits until the project matches it.
#pragma once

#include <string>

#include "orchestrator/targets/deployment.h"
#include "orchestrator/targets/kubernetes/api/cluster_plan.h"
#include "orchestrator/targets/kubernetes/api/workload_state.h"

namespace stack::targets::kubernetes {

// Applies the objects in order, opens gates as their Jobs start and complete, removes objects that are no longer in
// the files once everything is ready, and stores the inventory. After a failure, restores the previous workloads if
// all failed services want it. Idempotent: after an interruption, the next deployment completes the work.
DeployResult deploy(const Resources& resources, const std::string& project, const Conversion& conversion,
                    const ClusterPlan& plan, const PlaceFinder& place, const DeployOptions& options);

// Carries out plan_removal() and waits until the pods are gone.
DeployResult remove_project(const Resources& resources, const std::string& project, const ClusterPlan& plan,
                            const DeployOptions& options);

}  // namespace stack::targets::kubernetes
