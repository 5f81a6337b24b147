// A request's body in a file, for what needs all of it before it begins.
#pragma once

#include <string>

#include "base/async.h"
#include "base/fd.h"
#include "http/server/request.h"

namespace stack::engine {

// The whole body in an unnamed file of this folder, positioned at its beginning: a client that goes away half-way
// has changed nothing.
Task<Result<Fd>> spool_body(http::Request& request, std::string folder);

}  // namespace stack::engine
