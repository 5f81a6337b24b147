#include "engine/api/thread_stream.h"

#include <atomic>
#include <thread>

#include "base/fd.h"
#include "base/log.h"

namespace stack::engine {

Task<> stream_from_thread(asio::io_context& io, http::Response& response, std::string content_type,
                          std::function<Result<>(const ByteSink&)> produce) {
  Result<Pipe> pipe = make_pipe();
  if (!pipe) {
    response.error(pipe.error());
    co_return;
  }
  Result<> started = co_await response.start(200, std::move(content_type));
  if (!started) co_return;
  auto failed = std::make_shared<std::atomic<bool>>(false);
  std::thread([out = std::move(pipe->write), produce = std::move(produce), failed]() mutable {
    ByteSink sink = [&out](std::string_view bytes) { return write_all(out.get(), bytes); };
    Result<> done = produce(sink);
    if (!done && done.error().code() != EPIPE) log_warning("stream: " + done.error().text());
    failed->store(!done);
  }).detach();
  asio::posix::stream_descriptor source(io, pipe->read.release());
  std::vector<char> buffer(size_t{64} << 10);
  for (;;) {
    asio::error_code code;
    size_t n = co_await source.async_read_some(asio::buffer(buffer),
                                               asio::redirect_error(asio::use_awaitable, code));
    if (code) break;
    Result<> sent = co_await response.write({buffer.data(), n});
    if (!sent) co_return;
  }
  if (failed->load()) response.abort();
}

}  // namespace stack::engine
