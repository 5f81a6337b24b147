// Passes a request's body to a blocking function on its own thread while it arrives, without storing it on disk.
#pragma once

#include <functional>

#include "base/async.h"
#include "http/server/request.h"
#include "images/archive/tar_reader.h"

namespace stack::engine {

// `consume` reads until the source returns 0 or it has enough; the rest of the body is read and dropped, so that
// the client receives the response. The source returns an error if the client disconnects early.
Task<Result<>> consume_body(asio::io_context& io, http::Request& request,
                            std::function<Result<>(const images::ByteSource&)> consume);

}  // namespace stack::engine
