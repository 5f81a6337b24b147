// Asks the user for confirmation.
#pragma once

#include <string_view>

#include "base/result.h"

namespace stack::cli {

// Prints "QUESTION [yN] " to stderr; true for y or yes. If stdin is not a terminal, returns an error that mentions
// --force.
Result<bool> ask(std::string_view question);

}  // namespace stack::cli
