// Starts another process in a running container: the launcher's side and the process's side.
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
  int namespaces = 0;  // CLONE_NEW* flags of the namespaces that differ from ours
  int kept_fds = 0;    // 3, 4, ... stay open for the command
  bool returns = false;  // the calling process returns to its own namespaces; impossible with a user namespace
};

// The namespaces of the process that differ from ours, because setns(2) rejects our own user namespace.
Result<int> differing_namespaces(pid_t pid);

// Joins the namespaces of `target_pidfd` and clones. Unless `plan.returns`, the calling process stays in these namespaces,
// except the PID namespace. It becomes undumpable (PR_SET_DUMPABLE). The new process sends the same reports as a container's first
// process: Terminal, Note, SeccompListener, Failure, and end of file once it executes the command.
Result<NewContainer> enter_container(const EnterPlan& plan, int target_pidfd);

}  // namespace stack::runtime
