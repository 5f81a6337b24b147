// Stores a request's body in a file, for handlers that need all of it before they begin.
#pragma once

#include <string>

#include "base/async.h"
#include "base/fd.h"
#include "http/server/request.h"

namespace stack::engine {

// Writes the whole body to an unnamed file in this folder, positioned at its beginning: a client that disconnects
// early has changed nothing.
Task<Result<Fd>> spool_body(http::Request& request, std::string folder);

}  // namespace stack::engine
