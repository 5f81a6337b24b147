#include "http/server/stream.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <asio/buffer.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <utility>

namespace stack::http {

namespace {
constexpr size_t kStreamReadSize = 32 * 1024;
// About 50 ms in total.
constexpr auto kFirstPause = std::chrono::microseconds(50);
constexpr auto kLongestPause = std::chrono::milliseconds(30);

Error gone(const asio::error_code& problem) {
  return {ErrorKind::Canceled, "connection: " + problem.message()};
}
}  // namespace

asio::awaitable<Result<std::string>> RawStream::read() {
  while (websocket_) {
    Result<std::string> bytes = co_await read_bytes();
    if (!bytes || bytes->empty()) co_return bytes;
    Result<WebSocketReader::Received> received = websocket_->take(*bytes);
    if (!received) co_return std::move(received).error();
    if (!received->answer.empty()) {
      Result<> sent = co_await send_frames(std::move(received->answer));
      if (!sent) co_return std::move(sent).error();
    }
    ended_ = ended_ || received->closed;
    if (!received->data.empty() || received->closed) co_return std::move(received->data);
  }
  Result<std::string> bytes = co_await read_bytes();
  co_return bytes;
}

asio::awaitable<Result<>> RawStream::send_frames(std::string frames) {
  owed_ += frames;
  if (sending_) co_return Result<>();
  sending_ = true;
  asio::error_code problem;
  while (!owed_.empty() && !problem) {
    std::string bytes = std::exchange(owed_, {});
    co_await asio::async_write(socket_, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, problem));
  }
  sending_ = false;
  if (problem) co_return gone(problem);
  co_return Result<>();
}

asio::awaitable<void> RawStream::finish() {
  if (websocket_ && !ended_) {
    // 1000: a normal end.
    Result<> ignored = co_await send_frames(websocket_frame(WebSocketOpcode::Close, "\x03\xe8"));
    (void)ignored;
  }
  close();
}

asio::awaitable<Result<std::string>> RawStream::read_bytes() {
  if (!buffered_.empty()) co_return std::exchange(buffered_, {});
  // After end of file, Asio would wait for an event that never comes.
  if (ended_) co_return std::string();
  std::string bytes(kStreamReadSize, '\0');
  asio::error_code problem;
  size_t n = co_await socket_.async_read_some(asio::buffer(bytes),
                                              asio::redirect_error(asio::use_awaitable, problem));
  if (problem && problem != asio::error::eof) co_return gone(problem);
  ended_ = problem == asio::error::eof;
  bytes.resize(n);
  co_return bytes;
}

asio::awaitable<void> RawStream::wait_until_read() {
  asio::steady_timer timer(socket_.get_executor());
  for (auto pause = kFirstPause; pause < kLongestPause; pause *= 2) {
    int unread = 0;
    if (::ioctl(socket_.native_handle(), SIOCOUTQ, &unread) != 0 || unread == 0) co_return;
    timer.expires_after(pause);
    asio::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<Result<>> RawStream::write(std::string_view bytes) {
  if (!std::exchange(head_read_, true)) co_await wait_until_read();
  if (websocket_) {
    Result<> sent = co_await send_frames(websocket_frame(WebSocketOpcode::Binary, bytes));
    co_return sent;
  }
  asio::error_code problem;
  co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                             asio::redirect_error(asio::use_awaitable, problem));
  if (problem) co_return gone(problem);
  co_return Result<>();
}

void RawStream::close_write() {
  asio::error_code ignored;
  socket_.shutdown(asio::local::stream_protocol::socket::shutdown_send, ignored);
}

void RawStream::close() {
  asio::error_code ignored;
  socket_.close(ignored);
}

Result<Fd> RawStream::release() {
  asio::error_code problem;
  int fd = socket_.release(problem);
  if (problem) return Error("release socket: " + problem.message());
  return Fd(fd);
}

}  // namespace stack::http
