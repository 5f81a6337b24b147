// Carries out a plan and waits until the project matches it.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "orchestrator/targets/kubernetes/api/cluster_plan.h"
#include "orchestrator/targets/kubernetes/api/workload_state.h"

namespace stack::targets::kubernetes {

struct DeployOptions {
  bool wait = true;
  std::chrono::seconds timeout{600};
  std::set<std::string> rolls_back;  // services whose failed update is undone
  std::function<bool()> canceled;    // asked several times a second
  std::function<void(const Json& line)>
      on_line;  // events in the format of docs/API.md, for the progress display
};

struct DeployResult {
  bool ok = false;
  int exit_code = 1;
  size_t changed = 0;
  std::string error;                // "service migrate: exited with code 4"
  std::vector<std::string> detail;  // the last lines of the container that failed, or events
};

// Applies the objects in order, opens gates as their Jobs start and complete, removes objects that are no longer in
// the files once everything is ready, and stores the inventory. After a failure, restores the previous workloads if
// all failed services want it. Idempotent: after an interruption, the next deployment completes the work.
DeployResult deploy(const Resources& resources, const std::string& project, const Conversion& conversion,
                    const ClusterPlan& plan, const PlaceFinder& place, const DeployOptions& options);

// Carries out plan_removal() and waits until the pods are gone.
DeployResult remove_project(const Resources& resources, const std::string& project, const ClusterPlan& plan,
                            const DeployOptions& options);

}  // namespace stack::targets::kubernetes
