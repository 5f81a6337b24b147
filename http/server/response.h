// What a handler answers.
//
// A handler either sets a whole answer (json, text, no_content, error) and returns: it is sent then; or
// streams: start, write..., and the end is sent when it returns; or hijacks the connection. A handler that
// does none of these answers 200 with an empty body.
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

  // Whole answers; the last one set before the handler returns counts. No effect once streaming has begun.
  void json(int status, const Json& body);
  void body(int status, std::string_view content_type, std::string bytes);
  void text(int status, std::string bytes) { body(status, "text/plain; charset=utf-8", std::move(bytes)); }
  // Status with neither body nor Content-Type: 204, 304.
  void no_content(int status = 204);
  // {"message": text} with the status that stands for the error's kind.
  void error(const Error& error);
  void error(int status, std::string_view message);

  // A field of the answer's header; before start() or the handler's return.
  void set_header(std::string_view name, std::string value) { headers_.set(name, std::move(value)); }

  // Sends the header at once; the body follows by write(), chunked (HTTP/1.0: until close). Errors of kind
  // Cancelled where the client has gone.
  asio::awaitable<Result<>> start(int status, std::string content_type);
  // Sends one chunk at once and returns when the kernel has it; waits for a slow client. `bytes` must live
  // until the call completes. Empty is no operation. Calls start(200, "application/json") where that was not
  // done. Errors of kind Cancelled where the client has gone. For HEAD nothing is sent and success is
  // returned.
  asio::awaitable<Result<>> write(std::string_view bytes);
  // One JSON object and a newline. (g++ 12 cannot compile a braced list inside co_await: name the object
  // first.)
  asio::awaitable<Result<>> write_line(const Json& object);
  // Marks the stream as broken: the connection is closed without the closing chunk, so that the client sees a
  // truncated body.
  void abort() { aborted_ = true; }

  // Answers "101 UPGRADED" ("200 OK" where the client did not ask to switch) and hands the raw connection
  // over, with the bytes that came already. Reads what is left of the request's body first. Afterwards the
  // request and the response are spent.
  asio::awaitable<Result<RawStream>> hijack(std::string content_type);

  // Has anything been sent (start, write or hijack)?
  bool started() const { return state_ != State::Open; }
  int status() const { return status_; }

 private:
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
