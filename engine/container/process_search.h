// Finding the processes of containers where their sockets say nothing: the run folder was removed, a monitor
// hangs or was killed, a record was lost. What is in a container's cgroup is its own; a monitor holds its
// container's folders open and has the id on its command line.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "base/fd.h"
#include "engine/state/paths.h"
#include "runtime/cgroup/cgroups.h"

namespace stack::engine {

// The monitors of this engine's containers, by container id, from /proc. Blocks.
std::map<std::string, pid_t> find_monitors(const Paths& paths);

// The first process of a container: `recorded` where it is in the cgroup, else the one that is process 1 of a
// pid namespace (NSpid of proc_pid_status(5)). nullopt: there is none.
std::optional<pid_t> first_process(const runtime::Cgroups& cgroups, const std::string& cgroup,
                                   pid_t recorded);

// The network namespace of a process; no descriptor where it is our own.
Fd network_namespace_of(pid_t pid);

// The pty master that a monitor holds, taken from it by pidfd_getfd(2); no descriptor where it has none.
Fd take_terminal(pid_t monitor, int monitor_pidfd);

}  // namespace stack::engine
