// `docker top`: the processes of a container as ps(1) on the host shows them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::engine {

// {"Titles": [...], "Processes": [[...], ...]} of these processes, as `ps -ef` prints them; without any
// program.
Json list_processes(std::vector<pid_t> pids);

// The same through ps(1) with its own options. Blocks. Invalid where its output has no PID column.
Result<Json> run_ps(const std::string& options, const std::vector<pid_t>& pids);

// Picks the rows of `pids` from what ps printed.
Result<Json> parse_ps(const std::string& output, const std::vector<pid_t>& pids);

}  // namespace stack::engine
