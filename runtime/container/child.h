// The container's first process, between clone3(2) and execve(2).
#pragma once

#include <vector>

#include "runtime/cgroup/cgroups.h"
#include "runtime/container/namespaces.h"
#include "runtime/container/plan.h"

namespace stack::runtime {

struct ChildResources {
  ChildStdio stdio;
  int sync = -1;
  int launcher_sync = -1;  // the launcher's end, closed first
  Cgroups::Entry cgroup;
  std::vector<JoinedNamespace> joined;
  bool joined_early = false;  // all namespaces were joined before the clone
};

// Runs the steps in order; reports the first failure to the launcher and exits.
[[noreturn]] void run_child(const ContainerPlan& plan, const ChildResources& resources);

}  // namespace stack::runtime
