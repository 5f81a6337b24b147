// A world of its own for one test process: mount, network and pid namespaces.
#pragma once

#include <functional>

#include "base/result.h"

namespace stack::e2e {

// Runs `body` in a child process inside new mount (private), network (loopback up), pid and IPC namespaces,
// with /proc, /sys (and the cgroup filesystems below) as seen from there. Process 1 there only reaps. When
// `body` has returned, everything that still runs is killed by the kernel. Returns the exit code.
Result<int> run_isolated(const std::function<int()>& body);

}  // namespace stack::e2e
