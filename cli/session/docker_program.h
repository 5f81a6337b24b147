// Runs the words after `docker`, with the messages of Docker's client.
#pragma once

#include <string>
#include <vector>

namespace stack::cli::docker_cli {

// Exit codes: 0; 1 for failures; 125 for unknown flags and for a `run` that could not start; otherwise the container's.
int run_program(const std::vector<std::string>& words);

}  // namespace stack::cli::docker_cli
