// A connection after its protocol switch: raw bytes in both directions.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/local/stream_protocol.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "http/wire/websocket.h"

namespace stack::http {

// Owns the socket; closing or destroying it ends the connection. May outlive the handler and the server's connection
// object, but not the io_context. Two coroutines may read and write concurrently.
class RawStream {
 public:
  RawStream(asio::local::stream_protocol::socket socket, std::string buffered)
      : socket_(std::move(socket)), buffered_(std::move(buffered)) {}

  // Returns up to 32 KiB; empty at the client's end of file (it may still read: half-close).
  asio::awaitable<Result<std::string>> read();
  // Switches to the WebSocket protocol: read() returns the payload of messages, and each write() sends one binary
  // message.
  void speak_websocket() { websocket_ = std::make_unique<WebSocketReader>(); }
  // Writes all bytes, which must live until the call completes. Returns Canceled if the client has disconnected. The first
  // call waits briefly until the client has read the response header, because Python's http.client, used by docker-py, reads
  // the header through a buffer and loses the bytes after it.
  asio::awaitable<Result<>> write(std::string_view bytes);
  // Sends the close frame of a WebSocket, if it is one, and closes.
  asio::awaitable<void> finish();
  // Shuts down the sending direction; the client may still send.
  void close_write();
  // Ends both directions and every pending operation.
  void close();
  // Releases the (non-blocking) descriptor, for use by another process. The bytes in buffered() were already received and
  // must be forwarded as well.
  Result<Fd> release();
  const std::string& buffered() const { return buffered_; }
  asio::local::stream_protocol::socket& socket() { return socket_; }

 private:
  asio::local::stream_protocol::socket socket_;
  std::string buffered_;
  // Waits until the client has read all sent bytes (unix(7), SIOCOUTQ), or for a short time.
  asio::awaitable<void> wait_until_read();
  asio::awaitable<Result<std::string>> read_bytes();
  // WebSocket frames must not be interleaved, and reading also sends frames, so the active sender sends the frames
  // of others as well.
  asio::awaitable<Result<>> send_frames(std::string frames);

  std::unique_ptr<WebSocketReader> websocket_;
  std::string owed_;
  bool sending_ = false;

  bool ended_ = false;
  bool head_read_ = false;
};

}  // namespace stack::http
