// From argv to an exit code.
#pragma once

#include <string>
#include <vector>

namespace stack::cli {

// `words` is argv; words[0] may be "docker-compose", and the first word may be "compose" (`stack compose
// up`).
int run_program(const std::vector<std::string>& words);

}  // namespace stack::cli
