// Writes the body of a response to a file: `export`, `image save`.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/session/session.h"

namespace stack::cli {

// Writes the response to GET `target` into `file`, or to stdout if `file` is "". The file appears only when complete.
Result<> write_body(Session& session, const std::string& target, const std::string& file);

}  // namespace stack::cli
