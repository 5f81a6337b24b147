// Sends a response body that a blocking function produces on its own thread.
#pragma once

#include <functional>
#include <string_view>

#include "base/async.h"
#include "http/server/response.h"

namespace stack::engine {

using ByteSink = std::function<Result<>(std::string_view bytes)>;

// Sends the output of `produce` as the body of a 200 response. If the client disconnects, the sink fails; an error
// in the middle breaks off the stream and is logged. Not on the pool, because a slow client blocks the thread.
Task<> stream_from_thread(asio::io_context& io, http::Response& response, std::string content_type,
                          std::function<Result<>(const ByteSink&)> produce);

}  // namespace stack::engine
