// Common part of attach and exec: the hijacked stream of Docker's clients.
#pragma once

#include <optional>
#include <string>

#include "base/detach_keys.h"
#include "engine/container/attach_stream.h"
#include "http/server/request.h"
#include "runtime/monitor/client.h"

namespace stack::engine {

// The content type of the stream: `raw` bytes of a terminal, or frames, which have their own type since 1.42.
std::string raw_type(const http::Request& request, bool raw);
// The detach keys of a terminal; pipes have none. Invalid for a text that is not a list of keys.
Result<DetachKeys> detach_keys(const std::string& text, bool tty);
// `resume`, "OUT,ERR": the number of bytes of each stream that the client has. Ours, not Docker's. nullopt if empty.
Result<std::optional<runtime::OutputPosition>> resume_position(const std::string& text);
Source source_of(asio::io_context& io, Fd fd);

}  // namespace stack::engine
