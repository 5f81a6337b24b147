// Signals as clients write them.
#pragma once

#include <string>

#include "base/result.h"

namespace stack::engine {

// "SIGTERM", "TERM" or "15" to a number; Invalid otherwise.
Result<int> parse_signal(const std::string& text);

}  // namespace stack::engine
