// The lines of POST /build's answer, as the classic builder wrote them (moby, builder/dockerfile): other words than ours for
// steps and failures, which clients search for.
#pragma once

#include <string>

#include "base/json.h"

namespace stack::docker {

// "[web 2/5] RUN x" -> "Step 2/5 : RUN x"; other text as it is.
std::string classic_step(const std::string& text);

// {"errorDetail":{"code":3,"message":"The command '/bin/sh -c exit 3' returned a non-zero code: 3"},"error":...} of a failed
// RUN (`docker build` exits with that code); of any other failure its own text.
OrderedJson build_error_message(const std::string& text);

}  // namespace stack::docker
