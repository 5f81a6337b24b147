// What attach and exec share: the hijacked stream of Docker's clients.
#pragma once

#include <string>

#include "base/detach_keys.h"
#include "engine/container/attach_stream.h"
#include "http/server/request.h"

namespace stack::engine {

// The content type of the stream: `raw` bytes of a terminal, or frames, which have a type of their own since 1.42.
std::string raw_type(const http::Request& request, bool raw);
// The keys of a terminal; nothing detaches from pipes. Invalid for a text that names no keys.
Result<DetachKeys> detach_keys(const std::string& text, bool tty);
Source source_of(asio::io_context& io, Fd fd);

}  // namespace stack::engine
