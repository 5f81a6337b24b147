// `docker top`: the processes of a container in the format of ps(1) on the host.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::engine {

// {"Titles": [...], "Processes": [[...], ...]} for these processes in the format of `ps -ef`, without running ps.
Json list_processes(std::vector<pid_t> pids);

// The same, by running ps(1) with options. Blocks. Invalid if its output has no PID column.
Result<Json> run_ps(const std::string& options, const std::vector<pid_t>& pids);

// Selects the rows of `pids` from the output of ps.
Result<Json> parse_ps(const std::string& output, const std::vector<pid_t>& pids);

}  // namespace stack::engine
