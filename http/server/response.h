// The response of a handler.
//
// A handler sets a complete response (json, text, no_content, error), which is sent when it returns; or streams (start,
// write...), and the end is sent when it returns; or hijacks the connection. Otherwise the response is 200 with an empty
// body.
#pragma once

#include <asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "http/server/stream.h"
#include "http/wire/headers.h"

namespace stack::http {

class Connection;

class Response {
 public:
  explicit Response(Connection& connection) : connection_(connection) {}
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;

  // Complete responses; the last one set before the handler returns is sent. No effect after streaming has started.
  void json(int status, const Json& body);
  void body(int status, std::string_view content_type, std::string bytes);
  void text(int status, std::string bytes) { body(status, "text/plain; charset=utf-8", std::move(bytes)); }
  // A status without body or Content-Type: 204, 304.
  void no_content(int status = 204);
  // {"message": text} with the status for the error's kind.
  void error(const Error& error);
  void error(int status, std::string_view message);

  // Sets a header field; call before start() or the handler's return.
  void set_header(std::string_view name, std::string value) { headers_.set(name, std::move(value)); }

  // Sends the header immediately; write() sends the body, chunked (HTTP/1.0: until close). Returns Canceled if the client
  // has disconnected.
  asio::awaitable<Result<>> start(int status, std::string content_type);
  // Sends one chunk and returns when the kernel has accepted it; waits for a slow client. `bytes` must live until the call
  // completes. No effect if empty. Calls start(200, "application/json") if necessary. Returns Canceled if the client has
  // disconnected. For HEAD, sends nothing and returns success.
  asio::awaitable<Result<>> write(std::string_view bytes);
  // One JSON object and a newline. (g++ 12 cannot compile a braced list inside co_await: name the object
  // first.)
  asio::awaitable<Result<>> write_line(const Json& object);
  // Closes the connection without the final chunk, so that the client sees a truncated body.
  void abort() { aborted_ = true; }

  // Responds "101 UPGRADED" ("200 OK" if the client did not request a switch) and returns the raw connection with the bytes
  // already received. First reads the rest of the request body. The request and response must not be used afterward.
  asio::awaitable<Result<RawStream>> hijack(std::string content_type);
  // The same for a WebSocket (RFC 6455, section 4.2); `key` is the request's Sec-WebSocket-Key.
  asio::awaitable<Result<RawStream>> hijack_websocket(std::string key);

  // Whether anything has been sent (start, write, or hijack).
  bool started() const { return state_ != State::Open; }
  int status() const { return status_; }

 private:
  asio::awaitable<Result<RawStream>> switch_protocol(std::string framing);

  friend class Connection;
  enum class State { Open, Streaming, Hijacked };

  Connection& connection_;
  State state_ = State::Open;
  bool aborted_ = false;
  int status_ = 200;
  Headers headers_;
  std::string content_type_;
  std::string body_;
};

}  // namespace stack::http
