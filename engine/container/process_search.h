// Finds the processes of containers without using their sockets, for cases such as a removed run folder, a hanging or
// killed monitor, or a lost record. The processes in a container's cgroup belong to it; a monitor holds its container's
// folders open and has the ID on its command line.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "base/fd.h"
#include "engine/state/paths.h"
#include "runtime/cgroup/cgroups.h"

namespace stack::engine {

// The monitors of this engine's containers by container ID, from /proc. Blocks.
std::map<std::string, pid_t> find_monitors(const Paths& paths);

// The first process of a container: `recorded` if it is in the cgroup, otherwise the process with PID 1 in a PID namespace
// (NSpid in proc_pid_status(5)); nullopt if there is none.
std::optional<pid_t> first_process(const runtime::Cgroups& cgroups, const std::string& cgroup,
                                   pid_t recorded);

// The network namespace of a process; no descriptor if it is our own.
Fd network_namespace_of(pid_t pid);

// The pty master of a monitor, taken with pidfd_getfd(2); no descriptor if it has none.
Fd take_terminal(pid_t monitor, int monitor_pidfd);

}  // namespace stack::engine
