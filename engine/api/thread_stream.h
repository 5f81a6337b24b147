// An answer's body that a blocking function produces on a thread of its own.
#pragma once

#include <functional>
#include <string_view>

#include "base/async.h"
#include "http/server/response.h"

namespace stack::engine {

using ByteSink = std::function<Result<>(std::string_view bytes)>;

// Sends what `produce` writes as the body of a 200 answer. A client that goes away makes the sink fail; an
// error in the middle breaks the stream off and is logged. Not on the pool: a slow client holds the thread.
Task<> stream_from_thread(asio::io_context& io, http::Response& response, std::string content_type,
                          std::function<Result<>(const ByteSink&)> produce);

}  // namespace stack::engine
