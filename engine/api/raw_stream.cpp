#include "engine/api/raw_stream.h"

namespace stack::engine {

std::string raw_type(const http::Request& request, bool raw) {
  return raw || request.version < 42 ? "application/vnd.docker.raw-stream"
                                     : "application/vnd.docker.multiplexed-stream";
}

Result<DetachKeys> detach_keys(const std::string& text, bool tty) {
  if (!tty) return DetachKeys();
  Result<DetachKeys> keys = DetachKeys::parse(text.empty() ? std::string(kDefaultDetachKeys) : text);
  return keys;
}

Source source_of(asio::io_context& io, Fd fd) {
  return std::make_shared<asio::posix::stream_descriptor>(io, fd.release());
}

}  // namespace stack::engine
