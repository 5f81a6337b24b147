// Runs the command line.
#pragma once

#include <string>
#include <vector>

namespace stack::cli {

// `words` is argv. words[0] may be "docker-compose", and words[1] may be "compose" (`stack compose up`). Returns the
// exit code.
int run_program(const std::vector<std::string>& words);

}  // namespace stack::cli
