#include "http/server/connection.h"

#include <sys/socket.h>

#include <array>
#include <asio/buffer.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <ctime>

#include "http/wire/status.h"

namespace stack::http {

namespace {

// Small, because headers are small and every idle connection holds a buffer.
constexpr size_t kHeaderReadSize = 4 * 1024;
constexpr size_t kBodyReadSize = 64 * 1024;
// Maximum size of an unread request body to discard, to keep a connection or before closing it.
constexpr size_t kDrainLimit = 1024 * 1024;
constexpr size_t kLingerLimit = 16 * 1024 * 1024;
constexpr std::chrono::seconds kLingerTime{2};

Error gone_error() { return {ErrorKind::Canceled, "client closed the connection"}; }

PeerCredentials credentials_of(Socket& socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  return {peer.pid, peer.uid, peer.gid};
}

// A value must not end its line.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (char c : value) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  out += "\r\n";
}

// IMF-fixdate (RFC 9110 section 5.6.7).
std::string date_text() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  size_t n = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), n};
}

std::string hex_text(size_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  do {
    out.insert(out.begin(), kDigits[number & 15]);
    number >>= 4;
  } while (number != 0);
  return out;
}

}  // namespace

Connection::Connection(Socket socket, std::shared_ptr<ServerState> server)
    : socket_(std::move(socket)),
      server_(std::move(server)),
      peer_(credentials_of(socket_)),
      timer_(server_->context) {
  server_->connections.insert(this);
}

Connection::~Connection() {
  server_->connections.erase(this);
  server_->last = std::chrono::steady_clock::now();
  server_->connection_closed.cancel();
}

asio::awaitable<void> Connection::run() {
  while (true) {
    parser_ = std::make_unique<RequestParser>(server_->options.header_limit);
    Heading heading = co_await read_header();
    if (heading == Heading::Closed) co_return;
    if (heading == Heading::Refused) {
      co_await refuse(parser_->failure(), parser_->failure_text());
      co_return;
    }
    Request request(*this);
    Response response(*this);
    Result<> described = describe(request);
    keep_alive_ = parser_->keep_alive();
    head_ = request.method == "HEAD";
    wants_upgrade_ = request.wants_upgrade();
    continue_due_ = parser_->http_1_1() && request.headers.has_token("Expect", "100-continue");
    if (described) {
      co_await handle(request, response);
    } else {
      response.error(described.error());
    }
    if (response.state_ == Response::State::Hijacked) co_return;
    co_await finish(response);
    if (!keep_alive_) {
      co_await linger();
      co_return;
    }
    bool drained = co_await drain_body();
    if (!drained) {
      co_await linger();
      co_return;
    }
  }
}

asio::awaitable<Connection::Heading> Connection::read_header() {
  arm_timer(input_.empty() ? server_->options.idle_timeout : server_->options.header_timeout);
  waiting_since_ = std::chrono::steady_clock::now();
  scratch_ = {};
  bool started = !input_.empty();
  while (true) {
    feed_parser();
    if (parser_->failure() != 0) {
      disarm_timer();
      waiting_since_.reset();
      co_return Heading::Refused;
    }
    if (parser_->header_complete()) {
      disarm_timer();
      waiting_since_.reset();
      co_return Heading::Ready;
    }
    // A stopping server accepts no new requests, but completes one whose first bytes have arrived.
    if (server_->draining && !started) co_return Heading::Closed;
    bool more = co_await fill_input(kHeaderReadSize);
    if (!more) co_return Heading::Closed;
    if (!started) arm_timer(server_->options.header_timeout);
    started = true;
  }
}

asio::awaitable<bool> Connection::fill_input(size_t limit) {
  // After end of file, Asio would wait for an event that never comes.
  if (ended_) co_return false;
  scratch_.resize(limit);
  asio::error_code problem;
  size_t n = co_await socket_.async_read_some(asio::buffer(scratch_),
                                              asio::redirect_error(asio::use_awaitable, problem));
  ended_ = static_cast<bool>(problem);
  if (problem) co_return false;
  input_.append(scratch_, 0, n);
  co_return true;
}

void Connection::feed_parser() {
  if (input_.empty()) return;
  size_t used = parser_->feed(input_);
  input_.erase(0, used);
}

Result<> Connection::describe(Request& request) const {
  request.method = parser_->method();
  request.headers = std::move(parser_->headers);
  request.peer = peer_;
  TargetParts parts = split_target(parser_->target);
  TRY_ASSIGN(request.path, percent_decode(parts.path));
  TRY_ASSIGN(request.query, Query::parse(parts.query));
  return {};
}

asio::awaitable<void> Connection::handle(Request& request, Response& response) {
  handling_ = true;
  ++server_->requests;
  server_->last = std::chrono::steady_clock::now();
  std::string bug;
  try {
    co_await server_->handler(request, response);
  } catch (const std::exception& e) {
    bug = e.what();
    if (bug.empty()) bug = "exception";
  }
  stop_watching();
  handling_ = false;
  --server_->requests;
  server_->last = std::chrono::steady_clock::now();
  if (bug.empty()) co_return;
  if (server_->options.on_bug) server_->options.on_bug(request.method + " " + request.path + ": " + bug);
  if (response.started())
    response.abort();
  else
    response.error(500, "internal error: " + bug);
}

std::string Connection::head_of(const Response& response, std::string_view framing) const {
  std::string out = "HTTP/1.1 " + std::to_string(response.status_) + " ";
  out += reason_phrase(response.status_);
  out += "\r\n";
  for (const auto& [name, value] : server_->options.headers) append_field(out, name, value);
  append_field(out, "Date", date_text());
  for (const auto& [name, value] : response.headers_.items()) append_field(out, name, value);
  if (!response.content_type_.empty()) append_field(out, "Content-Type", response.content_type_);
  if (!keep_alive_) append_field(out, "Connection", "close");
  out += framing;
  out += "\r\n";
  return out;
}

asio::awaitable<void> Connection::finish(Response& response) {
  if (server_->draining) keep_alive_ = false;
  if (response.aborted_) {
    keep_alive_ = false;
    asio::error_code ignored;
    socket_.close(ignored);
    co_return;
  }
  std::string bytes;
  if (response.state_ == Response::State::Streaming) {
    if (chunked_ && !head_) bytes = "0\r\n\r\n";
  } else {
    // The client may never send the rest of the body, so a following request cannot be located.
    if (continue_due_ && !parser_->message_complete()) keep_alive_ = false;
    std::string framing;
    if (response.status_ != 204 && response.status_ != 304)
      framing = "Content-Length: " + std::to_string(response.body_.size()) + "\r\n";
    bytes = head_of(response, framing);
    if (!head_ && response.status_ != 204 && response.status_ != 304) bytes += response.body_;
  }
  if (bytes.empty()) co_return;
  Result<> sent = co_await send(std::move(bytes));
  if (!sent) keep_alive_ = false;
}

asio::awaitable<void> Connection::refuse(int status, std::string text) {
  Response response(*this);
  response.error(status, text);
  keep_alive_ = false;
  head_ = false;
  continue_due_ = false;
  co_await finish(response);
  co_await linger();
}

asio::awaitable<bool> Connection::drain_body() {
  if (continue_due_ && !parser_->message_complete()) co_return false;
  size_t dropped = 0;
  while (!parser_->message_complete()) {
    if (parser_->failure() != 0 || dropped > kDrainLimit) co_return false;
    arm_timer(server_->options.header_timeout);
    Result<std::string> piece = co_await read_body();
    if (!piece) co_return false;
    dropped += piece->size();
  }
  disarm_timer();
  parser_->body.clear();
  co_return true;
}

// Reads on for a moment: closing with unread bytes makes the kernel reset the connection, and the client could lose the
// response.
asio::awaitable<void> Connection::linger() {
  if (!socket_.is_open()) co_return;
  asio::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  arm_timer(kLingerTime);
  size_t dropped = 0;
  while (dropped < kLingerLimit) {
    bool more = co_await fill_input(kBodyReadSize);
    if (!more) break;
    dropped += input_.size();
    input_.clear();
  }
  disarm_timer();
  socket_.close(ignored);
}

asio::awaitable<Result<>> Connection::send(std::string bytes) {
  asio::error_code problem;
  co_await asio::async_write(socket_, asio::buffer(bytes),
                             asio::redirect_error(asio::use_awaitable, problem));
  if (problem) co_return gone_error();
  co_return Result<>();
}

asio::awaitable<Result<std::string>> Connection::read_body() {
  while (true) {
    if (!parser_->body.empty()) co_return std::exchange(parser_->body, {});
    if (parser_->failure() != 0) co_return invalid(parser_->failure_text());
    if (parser_->message_complete()) co_return std::string();
    if (continue_due_) {
      continue_due_ = false;
      Result<> sent = co_await send("HTTP/1.1 100 Continue\r\n\r\n");
      if (!sent) co_return std::move(sent).error();
    }
    if (input_.empty()) {
      bool more = co_await fill_input(kBodyReadSize);
      if (!more) co_return gone_error();
    }
    feed_parser();
  }
}

asio::awaitable<Result<>> Connection::start_streaming(Response& response) {
  chunked_ = parser_->http_1_1();
  if (!chunked_ || server_->draining || (continue_due_ && !parser_->message_complete())) keep_alive_ = false;
  Result<> sent = co_await send(head_of(response, chunked_ ? "Transfer-Encoding: chunked\r\n" : ""));
  co_return sent;
}

asio::awaitable<Result<>> Connection::write_chunk(std::string_view bytes) {
  if (head_) co_return Result<>();
  std::string frame = chunked_ ? hex_text(bytes.size()) + "\r\n" : std::string();
  std::string_view end = chunked_ ? "\r\n" : "";
  std::array<asio::const_buffer, 3> parts{asio::buffer(frame), asio::buffer(bytes.data(), bytes.size()),
                                          asio::buffer(end.data(), end.size())};
  asio::error_code problem;
  co_await asio::async_write(socket_, parts, asio::redirect_error(asio::use_awaitable, problem));
  if (problem) co_return gone_error();
  co_return Result<>();
}

asio::awaitable<Result<RawStream>> Connection::hijack(Response& response, std::string framing) {
  stop_watching();
  while (!parser_->message_complete()) {
    Result<std::string> piece = co_await read_body();
    if (!piece) co_return std::move(piece).error();
  }
  keep_alive_ = true;  // do not send "Connection: close" with "Connection: Upgrade"
  Result<> sent = co_await send(head_of(response, framing));
  if (!sent) co_return std::move(sent).error();
  co_return RawStream(std::move(socket_), std::move(input_));
}

void Connection::watch_client(std::function<void()> callback) {
  gone_ = std::move(callback);
  if (watching_ || !handling_) return;
  watching_ = true;
  // EPOLLHUP, which ends this wait, occurs when both directions are closed, not for a half-close.
  socket_.async_wait(Socket::wait_error,
                     [weak = weak_from_this(), number = ++watch_](const asio::error_code& problem) {
                       auto self = weak.lock();
                       if (problem || !self || number != self->watch_) return;
                       self->watching_ = false;
                       self->client_gone();
                     });
}

void Connection::stop_watching() {
  gone_ = nullptr;
  if (!watching_) return;
  watching_ = false;
  ++watch_;
  asio::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::client_gone() {
  std::function<void()> callback = std::exchange(gone_, nullptr);
  if (callback) callback();
}

void Connection::arm_timer(std::chrono::milliseconds timeout) {
  timer_.expires_after(timeout);
  timer_.async_wait([weak = weak_from_this(), number = ++arming_](const asio::error_code& problem) {
    auto self = weak.lock();
    if (problem || !self || number != self->arming_) return;
    asio::error_code ignored;
    self->socket_.close(ignored);
  });
}

void Connection::disarm_timer() {
  ++arming_;
  timer_.cancel();
}

void Connection::evict() {
  asio::error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
}

void Connection::shut_down(bool forcibly) {
  if (handling_ && !forcibly) return;
  bool reading_request = parser_ && !handling_ && !parser_->target.empty();
  if (reading_request && !forcibly) return;
  asio::error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  if (handling_) client_gone();
}

}  // namespace stack::http
