// How many descriptors this process may have (RLIMIT_NOFILE, getrlimit(2)). A login shell's soft limit is often 1,024,
// because select(2) cannot handle more; the engine needs more, and gives the caller's limit back to what it starts.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

namespace stack {

// Raises the soft limit to the hard one, at most to 1,048,576: some programs walk through all numbers below it.
Result<> raise_descriptor_limit();
// The soft limit as it was before; nullopt where it was not raised.
std::optional<uint64_t> callers_descriptor_limit();
// Sets the soft limit, at most to the hard one.
Result<> set_descriptor_limit(uint64_t soft);

}  // namespace stack
