// Turns the launcher into the monitor: the same process executes a much smaller program.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/monitor/wire.h"

namespace stack::runtime {

// Sets the parts of the monitor's state that come from the request: ID, log, engine, held descriptors, directories.
Result<> fill_monitor_state(const Json& request, wire::MonitorState& state);

// Watches a memory cgroup for OOM kills: opens the file with the counter and, for cgroup v1, registers an eventfd.
void open_oom_watch(const Cgroups& cgroups, const std::string& cgroup_path, wire::MonitorState& state);

// <run_dir>/monitor.sock, listening, mode 0600.
Result<Fd> listen_in(const std::string& run_dir);

// Executes `monitor_fd`. Keeps the descriptors in `state` open and closes all others. Returns only on failure.
Error become_monitor(int monitor_fd, const wire::MonitorState& state);

}  // namespace stack::runtime
