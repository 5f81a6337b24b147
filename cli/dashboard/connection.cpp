#include "cli/dashboard/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "base/text.h"
#include "cli/dashboard/page.h"
#include "cli/dashboard/terminal.h"
#include "http/wire/status.h"
#include "http/wire/websocket.h"

namespace stack::cli {

namespace {

constexpr size_t kHeaderLimit = 16 * 1024;
constexpr size_t kBodyLimit = 64 * 1024;
constexpr size_t kPieceSize = 64 * 1024;

constexpr std::string_view kSessionProtocol = "session.";

// For every response, also the engine's.
constexpr std::string_view kSafetyFields =
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

std::string field(std::string_view name, std::string_view value) {
  return std::string(name) + ": " + std::string(value) + "\r\n";
}

}  // namespace

DashboardConnection::DashboardConnection(Fd socket, int stop, Access& access, const DashboardBackend& backend)
    : socket_(std::move(socket)), stop_(stop), access_(access), backend_(backend), parser_(kHeaderLimit) {}

void DashboardConnection::serve() {
  if (!read_request()) return;
  dispatch();
  ::shutdown(socket_.get(), SHUT_WR);
  // Closing with unread bytes makes the kernel reset the connection, and the client could lose the response.
  pollfd rest{socket_.get(), POLLIN, 0};
  char ignored[4096];
  for (int i = 0; i < 16 && ::poll(&rest, 1, 200) == 1; ++i)
    if (::recv(socket_.get(), ignored, sizeof ignored, MSG_DONTWAIT) <= 0) break;
}

// The receive timeout of the socket limits each wait.
bool DashboardConnection::receive() {
  pollfd ready[] = {{socket_.get(), POLLIN, 0}, {stop_, POLLIN, 0}};
  if (::poll(ready, 2, 10'000) <= 0 || ready[1].revents != 0) return false;
  std::array<char, 16384> bytes;
  ssize_t n = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (n <= 0) return false;
  input_.append(bytes.data(), static_cast<size_t>(n));
  return true;
}

bool DashboardConnection::read_request() {
  while (!parser_.header_complete()) {
    if (input_.empty() && !receive()) return false;
    input_.erase(0, parser_.feed(input_));
    if (parser_.failure() != 0) {
      refuse(parser_.failure(), parser_.failure_text());
      return false;
    }
  }
  return true;
}

bool DashboardConnection::read_body() {
  while (!parser_.message_complete()) {
    if (input_.empty() && !receive()) return false;
    input_.erase(0, parser_.feed(input_));
    if (parser_.failure() != 0 || parser_.body.size() > kBodyLimit) {
      refuse(parser_.failure() != 0 ? parser_.failure() : 413, "malformed request or body too large");
      return false;
    }
  }
  return true;
}

std::string DashboardConnection::session_secret() const {
  std::string secret = parser_.headers.get("X-Stack-Session");
  if (!secret.empty()) return secret;
  for (const std::string& protocol : split(parser_.headers.get("Sec-WebSocket-Protocol"), ',')) {
    std::string_view one = trim(protocol);
    if (one.starts_with(kSessionProtocol)) return std::string(one.substr(kSessionProtocol.size()));
  }
  return "";
}

void DashboardConnection::dispatch() {
  if (const char* foreign = access_.foreign(parser_.headers)) return refuse(403, foreign);
  const std::string method = parser_.method();
  auto route = find_route(method, parser_.target, backend_.write);
  bool page = route && route->kind == Route::Kind::Page;
  bool opening = route && route->kind == Route::Kind::Session;
  if (const char* foreign = page ? nullptr : access_.foreign_script(parser_.headers))
    return refuse(403, foreign);
  // Strangers do not learn which paths exist.
  if (!page && !opening && !access_.is_session(session_secret()))
    return refuse(401, "open the link that `stack dashboard` printed");
  if (!route) return refuse(route.error().status, route.error().text);
  if (page && method != "GET" && method != "HEAD") return refuse(405, "method not allowed");
  if (!read_body()) return;
  bool plain = parser_.body.empty() || parser_.headers.get("Content-Type").starts_with("application/json");
  if (!plain) return refuse(415, "the body must be application/json");
  perform(*route);
}

void DashboardConnection::perform(const Route& route) {
  Result<> done;
  switch (route.kind) {
    case Route::Kind::Page:
      return send_page(route.target);
    case Route::Kind::Session:
      return open_session();
    case Route::Kind::Terminal:
      return open_terminal(route.name);
    case Route::Kind::Relay:
      done = relay(route.target);
      break;
    case Route::Kind::Reduced:
      done = send_reduced(route.target);
      break;
    case Route::Kind::Plan:
      done = send_plan(route.name);
      break;
  }
  if (!done) refuse(http::status_of(done.error().kind()), done.error().text());
}

void DashboardConnection::open_session() {
  Result<Json> body = parse_json(parser_.body);
  auto session = body ? access_.open_session(string_or(*body, "token")) : std::nullopt;
  if (!session)
    return refuse(403,
                  "this link has been used or is not valid; press Enter in `stack dashboard` for a new one");
  send_json(200, {{"session", *session}, {"write", backend_.write}, {"project", backend_.project}});
}

void DashboardConnection::send_page(const std::string& path) {
  std::optional<PageFile> file = find_page_file(path);
  if (!file) return refuse(404, "no such page");
  send_response(200,
                field("Content-Type", file->content_type) + field("Content-Security-Policy", kPagePolicy) +
                    field("X-Frame-Options", "DENY") + field("Cross-Origin-Opener-Policy", "same-origin"),
                file->bytes);
}

void DashboardConnection::send_json(int status, const Json& body) {
  send_response(status, field("Content-Type", "application/json"), to_text(body) + "\n");
}

void DashboardConnection::refuse(int status, std::string_view text) {
  send_json(status, {{"message", text}});
}

void DashboardConnection::send_response(int status, std::string_view fields, std::string_view body) {
  std::string head =
      "HTTP/1.1 " + std::to_string(status) + " " + std::string(http::reason_phrase(status)) + "\r\n";
  head += kSafetyFields;
  head += fields;
  head += "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  bool only_head = parser_.header_complete() && parser_.method() == "HEAD";
  if (send(head) && !only_head) (void)send(body);
}

bool DashboardConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

Result<> DashboardConnection::relay(const std::string& target) {
  TRY_ASSIGN(http::Client engine, backend_.connect());
  std::string request = parser_.method() + " " + target + " HTTP/1.1\r\nHost: stack\r\nConnection: close\r\n";
  if (parser_.method() == "POST")
    request +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(parser_.body.size()) + "\r\n";
  TRY(write_all(engine.fd(), request + "\r\n" + parser_.body));
  return pump(engine.fd());
}

Result<> DashboardConnection::pump(int engine) {
  std::string bytes(kPieceSize, '\0');
  bool begun = false;
  for (;;) {
    // POLLRDHUP: the browser left while the engine has nothing to send.
    pollfd ready[] = {{engine, POLLIN, 0}, {socket_.get(), POLLRDHUP, 0}, {stop_, POLLIN, 0}};
    if (::poll(ready, 3, -1) < 0) {
      if (errno == EINTR) continue;
      return Error::last_errno("poll");
    }
    if (ready[1].revents != 0 || ready[2].revents != 0) return {};
    ssize_t n = ::recv(engine, bytes.data(), bytes.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 && !begun) return Error("the engine closed the connection");
    if (n <= 0) return {};
    std::string piece(bytes, 0, static_cast<size_t>(n));
    // Our fields follow the status line, which the engine sends in one piece.
    if (size_t line = begun ? std::string::npos : piece.find("\r\n"); line != std::string::npos)
      piece.insert(line + 2, kSafetyFields);
    begun = true;
    if (!send(piece)) return {};
  }
}

Result<> DashboardConnection::send_reduced(const std::string& target) {
  TRY_ASSIGN(http::Client engine, backend_.connect());
  TRY_ASSIGN(Json whole, engine.call_json("GET", target));
  send_json(200, reduced(whole));
  return {};
}

Result<> DashboardConnection::send_plan(const std::string& project) {
  TRY_ASSIGN(Json plan, backend_.plan(project));
  send_json(200, plan);
  return {};
}

void DashboardConnection::open_terminal(const std::string& container) {
  const std::string key = parser_.headers.get("Sec-WebSocket-Key");
  if (key.empty() || !parser_.headers.has_token("Upgrade", "websocket"))
    return refuse(400, "this path is a WebSocket");
  std::string head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
                     field("Sec-WebSocket-Accept", http::websocket_accept(key)) +
                     field("Sec-WebSocket-Protocol", kTerminalProtocol);
  if (!send(head + "\r\n")) return;
  Terminal terminal(socket_.get(), stop_, backend_, container);
  terminal.run(std::move(input_));
}

}  // namespace stack::cli
