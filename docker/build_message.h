// The lines of the response to POST /build in the wording of the classic builder (moby, builder/dockerfile), which
// clients search for.
#pragma once

#include <string>

#include "base/json.h"

namespace stack::docker {

// "Step 2/5 : RUN x".
std::string classic_step(int place, int places, const std::string& text);
// Below it, without the line's end.
inline constexpr const char* kClassicCached = " ---> Using cache";
// A line of a step's stderr, which the classic builder shows in red.
std::string classic_stderr(const std::string& line);

// {"errorDetail":{"code":3,"message":"The command '/bin/sh -c exit 3' returned a non-zero code: 3"},"error":...} of a failed
// RUN (`docker build` exits with that code); for any other failure, its own text.
OrderedJson build_error_message(const std::string& text);

}  // namespace stack::docker
