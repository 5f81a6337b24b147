// From the words after `docker` to an exit code, with the messages of Docker's own client.
#pragma once

#include <string>
#include <vector>

namespace stack::cli::docker_cli {

// Exit codes: 0; 1 for failures; 125 for unknown flags and for `run` that could not begin; else the container's.
int run_program(const std::vector<std::string>& words);

}  // namespace stack::cli::docker_cli
