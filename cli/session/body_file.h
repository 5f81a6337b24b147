// Writing the body of an answer to a file: `export`, `image save`.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/session/session.h"

namespace stack::cli {

// GET `target` into `file`, or to stdout for "". A file gets its name only when it is complete.
Result<> write_body(Session& session, const std::string& target, const std::string& file);

}  // namespace stack::cli
