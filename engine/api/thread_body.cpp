#include "engine/api/thread_body.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/fd.h"

namespace stack::engine {

namespace {

constexpr int kPipeBytes = 1 << 20;

// State shared by the thread and the coroutine.
struct Consumption {
  explicit Consumption(asio::io_context& io) : done(io) {}
  std::atomic<bool> broken = false;  // the body is incomplete
  Result<> result;                   // valid once `ended`
  bool ended = false;                // set on the engine's thread
  Signal done;
};

images::ByteSource source_of_body(int pipe, const std::shared_ptr<Consumption>& shared) {
  return [pipe, shared](char* buffer, size_t size) -> Result<size_t> {
    for (;;) {
      ssize_t n = ::read(pipe, buffer, size);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::last_errno("read body");
      if (n == 0 && shared->broken) return Error(ErrorKind::Canceled, "the client disconnected");
      return static_cast<size_t>(n);
    }
  };
}

}  // namespace

Task<Result<>> consume_body(asio::io_context& io, http::Request& request,
                            std::function<Result<>(const images::ByteSource&)> consume) {
  // Waits for the thread even if the caller is canceled.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  Result<Pipe> pipe = make_pipe();
  CO_TRY(pipe);
  (void)::fcntl(pipe->write.get(), F_SETPIPE_SZ, kPipeBytes);
  auto shared = std::make_shared<Consumption>(io);
  std::thread([&io, shared, in = std::move(pipe->read), consume = std::move(consume)]() mutable {
    Result<> result = consume(source_of_body(in.get(), shared));
    in.reset();
    asio::post(io, [shared, result = std::move(result)]() mutable {
      shared->result = std::move(result);
      shared->ended = true;
      shared->done.notify_all();
    });
  }).detach();
  asio::posix::stream_descriptor out(io, pipe->write.release());
  bool wanted = true;
  for (;;) {
    Result<std::string> piece = co_await request.body.read();
    if (!piece) shared->broken = true;
    if (!piece || piece->empty()) break;
    if (!wanted) continue;
    asio::error_code code;
    co_await asio::async_write(out, asio::buffer(*piece), asio::redirect_error(asio::use_awaitable, code));
    if (code) wanted = false;  // it has enough
  }
  out.close();
  while (!shared->ended) co_await shared->done.wait();
  co_return std::move(shared->result);
}

}  // namespace stack::engine
