// Creates a container's first process: the launcher's side.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/container/child.h"
#include "runtime/container/plan.h"
#include "runtime/container/report.h"

namespace stack::runtime {

// A container's first process, which is our child. Killed with its descendants on destruction unless released.
struct NewContainer {
  pid_t pid = -1;
  Fd pidfd;
  Fd sync;
};

// Joins namespaces and clones. `cgroup` may be empty.
Result<NewContainer> clone_container(const ContainerPlan& plan, const ChildStdio& stdio,
                                     Cgroups::Entry cgroup);

}  // namespace stack::runtime
