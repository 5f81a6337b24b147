// A request's body for a blocking function on a thread of its own, while it comes in: nothing waits on disk.
#pragma once

#include <functional>

#include "base/async.h"
#include "http/server/request.h"
#include "images/archive/tar_reader.h"

namespace stack::engine {

// `consume` reads until the source says 0 or it has enough; the rest of the body is read and dropped, so that the client sees
// the answer. The source is an error where the client went away in the middle.
Task<Result<>> consume_body(asio::io_context& io, http::Request& request,
                            std::function<Result<>(const images::ByteSource&)> consume);

}  // namespace stack::engine
