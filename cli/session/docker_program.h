// Runs the words after `docker`, with the messages of Docker's client.
#pragma once

#include <string>
#include <vector>

#include "cli/flags/flags.h"

namespace stack::cli::docker_cli {

// Exit codes: 0; 1 for failures; 125 for unknown flags and for a `run` that could not start; otherwise the container's.
// `outer`: the global flags of stack before the word `docker`, which select the engine.
int run_program(const std::vector<std::string>& words, const Arguments& outer = {});

}  // namespace stack::cli::docker_cli
