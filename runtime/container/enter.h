// A further process in a running container: the launcher's side and the process's own.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/container/plan.h"
#include "runtime/container/start.h"
#include "runtime/spec/spec.h"

namespace stack::runtime {

struct EnterPlan {
  ProcessSpec process;
  OciSpec execution;  // personality and memory policy of the container
  SeccompProgram seccomp;
  ChildStdio stdio;
  Cgroups::Entry cgroup;
  int namespaces = 0;  // CLONE_NEW* in which the container differs from us
  int kept_fds = 0;    // 3, 4, ... stay open for the command
};

// The namespaces in which the process differs from us: setns(2) refuses a user namespace that is already
// ours.
Result<int> differing_namespaces(pid_t pid);

// Joins the namespaces of `target_pidfd` and clones. The calling process itself stays in them, all but the
// pid namespace, and is no longer to be looked into (PR_SET_DUMPABLE). The new process reports as a
// container's first one does: Terminal, Note, SeccompListener, Failure, and the end of the socket once it is
// the command.
Result<NewContainer> enter_container(const EnterPlan& plan, int target_pidfd);

}  // namespace stack::runtime
