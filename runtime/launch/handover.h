// From launcher to watch process: the same process goes on as a much smaller program.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/monitor/wire.h"

namespace stack::runtime {

// The parts of a watch state that come from the request alone: id, log, engine, held descriptors,
// directories.
Result<> fill_watch_state(const Json& request, wire::WatchState& state);

// Watches a memory group for kills: the file with the counter, and on version 1 an eventfd registered with
// it.
void open_oom_watch(const Cgroups& cgroups, const std::string& cgroup_path, wire::WatchState& state);

// <run_dir>/monitor.sock, listening, mode 0600.
Result<Fd> listen_in(const std::string& run_dir);

// Executes `monitor_fd`. Every descriptor named in `state` stays open, all others close. Returns only on
// failure.
Error become_watch(int monitor_fd, const wire::WatchState& state);

}  // namespace stack::runtime
