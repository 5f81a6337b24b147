#include "engine/api/raw_stream.h"

#include "base/text.h"

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

Result<std::optional<runtime::OutputPosition>> resume_position(const std::string& text) {
  if (text.empty()) return std::optional<runtime::OutputPosition>();
  std::vector<std::string> numbers = split(text, ',');
  bool good = numbers.size() == 2;
  for (const std::string& number : numbers) good = good && is_all_digits(number) && number.size() < 19;
  if (!good) return invalid("resume: expected two numbers of bytes, as in 120,0");
  return std::optional(runtime::OutputPosition{std::stoull(numbers[0]), std::stoull(numbers[1])});
}

Source source_of(asio::io_context& io, Fd fd) {
  return std::make_shared<asio::posix::stream_descriptor>(io, fd.release());
}

}  // namespace stack::engine
