// Isolates a test process: mount, network, and PID namespaces.
#pragma once

#include <functional>

#include "base/result.h"

namespace stack::e2e {

// Runs `body` in a child process inside new mount (private), network (loopback up), pid and IPC namespaces, with
// their own /proc and /sys (including the cgroup file systems). Process 1 there only reaps. When `body` has
// returned, the kernel kills all remaining processes. Returns the exit code.
Result<int> run_isolated(const std::function<int()>& body);

}  // namespace stack::e2e
