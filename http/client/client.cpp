#include "http/client/client.h"

#include <http_parser.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "http/wire/status.h"
#include "http/wire/unix_socket.h"

namespace stack::http {

Result<Json> Answer::json() const {
  if (body.empty()) return Json();
  auto parsed = parse_json(body);
  if (!parsed) return Error("answer of the engine: " + parsed.error().text());
  return parsed;
}

namespace {

std::string head_text(const ClientRequest& request, bool upgrade) {
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\nHost: stack\r\n";
  if (upgrade) out += "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  for (const auto& [name, value] : request.headers) out += name + ": " + value + "\r\n";
  bool has_body = request.body_source || !request.body.empty();
  if (has_body) out += "Content-Type: " + request.content_type + "\r\n";
  if (request.body_source)
    out += "Transfer-Encoding: chunked\r\n";
  else if (has_body || request.method == "POST" || request.method == "PUT")
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return out + "\r\n";
}

std::string hex_text(size_t number) {
  std::array<char, 20> text{};
  int n = std::snprintf(text.data(), text.size(), "%zx", number);
  return {text.data(), static_cast<size_t>(n)};
}

Error server_error(int status, const std::string& body) {
  std::string text;
  if (auto parsed = parse_json(body)) text = string_or(*parsed, "message");
  if (text.empty()) text = body.substr(0, body.find('\n'));
  if (text.empty())
    text = "engine answered " + std::to_string(status) + " " + std::string(reason_phrase(status));
  return {kind_of(status), std::move(text)};
}

}  // namespace

struct Client::State {
  std::string path;  // to connect again; empty for a caller's socket
  Fd socket;
  http_parser parser{};
  std::string input;  // received, not parsed
  Answer answer;
  std::string field;
  std::string value;
  bool in_value = false;
  bool head_request = false;
  bool header_complete = false;
  bool message_complete = false;
  bool keep_alive = false;

  static State& self(http_parser* p) { return *static_cast<State*>(p->data); }
  static const http_parser_settings& settings();
  void flush_field();
  void reset();
  Result<> ensure_connected();
  Result<> send(const ClientRequest& request, bool upgrade);
  Result<> send_pieces(const ClientRequest& request);
  Result<> send_bytes(std::string_view bytes);
  Result<> receive();
  Result<> feed();
  Result<> read_header();
  Result<> start(const ClientRequest& request, bool upgrade);
  Result<> read_body(const std::function<bool(std::string_view)>& on_bytes);
  Result<> check_status();
  void done();
};

void Client::State::flush_field() {
  if (in_value && !header_complete) answer.headers.add(std::move(field), std::move(value));
  if (in_value) {
    field.clear();
    value.clear();
  }
  in_value = false;
}

const http_parser_settings& Client::State::settings() {
  static const http_parser_settings table = [] {
    http_parser_settings s{};
    s.on_header_field = [](http_parser* p, const char* at, size_t n) {
      self(p).flush_field();
      self(p).field.append(at, n);
      return 0;
    };
    s.on_header_value = [](http_parser* p, const char* at, size_t n) {
      self(p).in_value = true;
      self(p).value.append(at, n);
      return 0;
    };
    s.on_headers_complete = [](http_parser* p) {
      State& me = self(p);
      me.flush_field();
      me.answer.status = p->status_code;
      if (p->status_code == 100) return 1;
      me.header_complete = true;
      me.keep_alive = http_should_keep_alive(p) != 0;
      // The caller handles the header before the body is parsed.
      http_parser_pause(p, 1);
      return me.head_request ? 1 : 0;
    };
    s.on_body = [](http_parser* p, const char* at, size_t n) {
      self(p).answer.body.append(at, n);
      return 0;
    };
    s.on_message_complete = [](http_parser* p) {
      State& me = self(p);
      if (me.answer.status == 100) {
        me.answer = Answer();
        return 0;
      }
      me.message_complete = true;
      http_parser_pause(p, 1);
      return 0;
    };
    return s;
  }();
  return table;
}

void Client::State::reset() {
  http_parser_init(&parser, HTTP_RESPONSE);
  parser.data = this;
  answer = Answer();
  field.clear();
  value.clear();
  in_value = header_complete = message_complete = keep_alive = false;
}

// An idle connection that the server closed is readable (end of file).
Result<> Client::State::ensure_connected() {
  if (socket) {
    pollfd probe{socket.get(), POLLIN, 0};
    bool stale = ::poll(&probe, 1, 0) != 0;
    if (!stale || path.empty()) return {};
    socket.reset();
  }
  if (path.empty()) return Error::from_errno("connection to the engine", ENOTCONN);
  TRY_ASSIGN(socket, connect_unix(path));
  input.clear();
  return {};
}

Result<> Client::State::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::last_errno("connection to the engine");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<> Client::State::send_pieces(const ClientRequest& request) {
  while (true) {
    TRY_ASSIGN(std::string piece, request.body_source());
    if (piece.empty()) return send_bytes("0\r\n\r\n");
    TRY(send_bytes(hex_text(piece.size()) + "\r\n" + piece + "\r\n"));
  }
}

Result<> Client::State::send(const ClientRequest& request, bool upgrade) {
  std::string bytes = head_text(request, upgrade);
  if (!request.body_source) return send_bytes(bytes + request.body);
  TRY(send_bytes(bytes));
  return send_pieces(request);
}

Result<> Client::State::receive() {
  std::array<char, 65536> buffer;
  ssize_t n = 0;
  do {
    n = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return Error::last_errno("connection to the engine");
  if (n > 0) {
    input.append(buffer.data(), static_cast<size_t>(n));
    return {};
  }
  // A body without a length ends here; other bodies are truncated.
  http_parser_execute(&parser, &settings(), nullptr, 0);
  if (message_complete) return {};
  return Error::from_errno("connection to the engine", ECONNRESET);
}

Result<> Client::State::feed() {
  if (input.empty()) return {};
  size_t used = http_parser_execute(&parser, &settings(), input.data(), input.size());
  input.erase(0, used);
  http_errno problem = HTTP_PARSER_ERRNO(&parser);
  if (problem == HPE_OK || problem == HPE_PAUSED) return {};
  return Error(std::string("answer of the engine: ") + http_errno_description(problem));
}

Result<> Client::State::read_header() {
  while (!header_complete) {
    if (input.empty()) TRY(receive());
    TRY(feed());
  }
  // The parser paused before the header's last line feed: consumes it, so that the rest is the body or the switched
  // protocol.
  http_parser_pause(&parser, 0);
  size_t used = http_parser_execute(&parser, &settings(), input.data(), 1);
  input.erase(0, used);
  return {};
}

Result<> Client::State::start(const ClientRequest& request, bool upgrade) {
  TRY(ensure_connected());
  reset();
  head_request = request.method == "HEAD";
  Result<> sent = send(request, upgrade);
  // A server may reject a request before reading all of it; its response is more useful than the broken pipe.
  if (!sent && sent.error().code() != EPIPE && sent.error().code() != ECONNRESET) return sent;
  Result<> header = read_header();
  if (!header) return sent ? std::move(header) : std::move(sent);
  return {};
}

Result<> Client::State::read_body(const std::function<bool(std::string_view)>& on_bytes) {
  while (true) {
    TRY(feed());
    if (!answer.body.empty() && on_bytes) {
      std::string piece = std::exchange(answer.body, {});
      if (!on_bytes(piece)) {
        socket.reset();
        return {};
      }
    }
    if (message_complete) break;
    if (input.empty()) TRY(receive());
  }
  done();
  return {};
}

void Client::State::done() {
  if (!keep_alive) socket.reset();
}

Result<> Client::State::check_status() {
  if (answer.status < 400) return {};
  TRY(read_body(nullptr));
  return server_error(answer.status, answer.body);
}

Client::Client(Fd connected) : state_(std::make_unique<State>()) { state_->socket = std::move(connected); }
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::connect(const std::string& socket_path) {
  TRY_ASSIGN(Fd socket, connect_unix(socket_path));
  Client client(std::move(socket));
  client.state_->path = socket_path;
  return client;
}

Result<Answer> Client::call(ClientRequest request) {
  TRY(state_->start(request, false));
  TRY(state_->check_status());
  TRY(state_->read_body(nullptr));
  return std::move(state_->answer);
}

Result<Json> Client::call_json(std::string method, std::string target, const Json& body) {
  ClientRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  if (!body.is_null()) request.body = to_text(body);
  TRY_ASSIGN(Answer answer, call(std::move(request)));
  return answer.json();
}

Result<> Client::stream(ClientRequest request, const std::function<bool(std::string_view)>& on_bytes) {
  TRY(state_->start(request, false));
  TRY(state_->check_status());
  return state_->read_body(on_bytes);
}

Result<> Client::lines(ClientRequest request, const std::function<bool(const Json&)>& on_line) {
  std::string pending;
  Result<> bad;
  auto on_bytes = [&](std::string_view bytes) {
    pending.append(bytes);
    size_t begin = 0;
    for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', begin)) {
      std::string_view line = std::string_view(pending).substr(begin, end - begin);
      begin = end + 1;
      if (line.empty() || line == "\r") continue;
      auto parsed = parse_json(line);
      if (!parsed) bad = Error("answer of the engine: " + parsed.error().text());
      if (!parsed || !on_line(*parsed)) return false;
    }
    pending.erase(0, begin);
    return true;
  };
  TRY(stream(std::move(request), on_bytes));
  return bad;
}

Result<Answer> Client::begin(ClientRequest request) {
  TRY(state_->start(request, false));
  TRY(state_->check_status());
  Answer header;
  header.status = state_->answer.status;
  header.headers = state_->answer.headers;
  return header;
}

Result<std::string> Client::finish() {
  TRY(state_->read_body(nullptr));
  return std::move(state_->answer.body);
}

Result<HijackedConnection> Client::hijack(ClientRequest request) {
  TRY(state_->start(request, true));
  TRY(state_->check_status());
  return HijackedConnection{std::move(state_->socket), std::move(state_->input), state_->answer.status,
                            std::move(state_->answer.headers)};
}

int Client::fd() const { return state_->socket.get(); }

}  // namespace stack::http
