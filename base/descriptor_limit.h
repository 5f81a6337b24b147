// The descriptor limit of this process (RLIMIT_NOFILE, getrlimit(2)). A login shell's soft limit is often 1,024, because
// select(2) cannot handle more. The engine needs more, and restores the caller's limit for programs that it starts.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

namespace stack {

// Raises the soft limit to the hard limit, at most to 1,048,576, because some programs iterate over all numbers below it.
Result<> raise_descriptor_limit();
// The original soft limit; nullopt if it was not raised.
std::optional<uint64_t> callers_descriptor_limit();
// Sets the soft limit, at most to the hard limit.
Result<> set_descriptor_limit(uint64_t soft);

}  // namespace stack
