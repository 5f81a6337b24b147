// A connection after its protocol switch: raw bytes in both directions.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/local/stream_protocol.hpp>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace stack::http {

// Owns the socket; closing or destroying it ends the connection. May outlive the handler and the server's
// connection object, not the io_context. Reading and writing may go on at the same time, from two coroutines.
class RawStream {
 public:
  RawStream(asio::local::stream_protocol::socket socket, std::string buffered)
      : socket_(std::move(socket)), buffered_(std::move(buffered)) {}

  // Up to 32 KiB; empty at the end of what the client sends (it may still read: half-close).
  asio::awaitable<Result<std::string>> read();
  // All of it. `bytes` must live until the call completes. Errors of kind Cancelled where the client has
  // gone. The first call waits, not long, until the client has read the head of the answer: Python's
  // http.client, and so docker-py, reads it through a buffer and loses what came with it.
  asio::awaitable<Result<>> write(std::string_view bytes);
  // Tells the client that nothing more comes; it may still send.
  void close_write();
  // Ends both directions and every pending operation.
  void close();
  // Gives the descriptor (non-blocking) away, for another process. What buffered() holds was received already
  // and must be forwarded too.
  Result<Fd> release();
  const std::string& buffered() const { return buffered_; }
  asio::local::stream_protocol::socket& socket() { return socket_; }

 private:
  asio::local::stream_protocol::socket socket_;
  std::string buffered_;
  // Until the kernel holds nothing that the client has not read (unix(7), SIOCOUTQ), or a moment has passed.
  asio::awaitable<void> wait_until_read();

  bool ended_ = false;
  bool head_read_ = false;
};

}  // namespace stack::http
