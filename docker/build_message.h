// The lines of POST /build's answer, as the classic builder wrote them (moby, builder/dockerfile): other words than ours for
// steps and failures, which clients search for.
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
// RUN (`docker build` exits with that code); of any other failure its own text.
OrderedJson build_error_message(const std::string& text);

}  // namespace stack::docker
