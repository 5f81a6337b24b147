#include "http/server/response.h"

#include "http/server/connection.h"
#include "http/wire/status.h"

namespace stack::http {

void Response::json(int status, const Json& object) {
  body(status, "application/json", to_text(object) + "\n");
}

void Response::body(int status, std::string_view content_type, std::string bytes) {
  if (started()) return;
  status_ = status;
  content_type_ = content_type;
  body_ = std::move(bytes);
}

void Response::no_content(int status) { body(status, "", ""); }

void Response::error(const Error& error) { this->error(status_of(error.kind()), error.text()); }

void Response::error(int status, std::string_view message) { json(status, Json{{"message", message}}); }

asio::awaitable<Result<>> Response::start(int status, std::string content_type) {
  if (started()) co_return Result<>();
  status_ = status;
  content_type_ = std::move(content_type);
  body_.clear();
  state_ = State::Streaming;
  Result<> sent = co_await connection_.start_streaming(*this);
  co_return sent;
}

asio::awaitable<Result<>> Response::write(std::string_view bytes) {
  if (state_ == State::Open) {
    Result<> started = co_await start(200, "application/json");
    if (!started) co_return started;
  }
  if (state_ == State::Hijacked) co_return Error(ErrorKind::Canceled, "connection was hijacked");
  if (bytes.empty()) co_return Result<>();
  Result<> sent = co_await connection_.write_chunk(bytes);
  co_return sent;
}

asio::awaitable<Result<>> Response::write_line(const Json& object) {
  std::string line = to_text(object) + "\n";
  Result<> sent = co_await write(line);
  co_return sent;
}

asio::awaitable<Result<RawStream>> Response::hijack(std::string content_type) {
  status_ = connection_.wants_upgrade() ? 101 : 200;
  content_type_ = std::move(content_type);
  Result<RawStream> stream =
      co_await switch_protocol(status_ == 101 ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "");
  co_return stream;
}

asio::awaitable<Result<RawStream>> Response::hijack_websocket(std::string key) {
  status_ = 101;
  Result<RawStream> stream =
      co_await switch_protocol("Connection: Upgrade\r\nUpgrade: websocket\r\n" +
                               ("Sec-WebSocket-Accept: " + websocket_accept(key) + "\r\n"));
  if (stream) stream->speak_websocket();
  co_return stream;
}

asio::awaitable<Result<RawStream>> Response::switch_protocol(std::string framing) {
  if (started()) co_return Error(ErrorKind::Internal, "the response has already started");
  Result<RawStream> stream = co_await connection_.hijack(*this, std::move(framing));
  // If the client disconnects during this, there is nobody to respond to.
  state_ = State::Hijacked;
  co_return stream;
}

}  // namespace stack::http
