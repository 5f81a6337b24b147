#include "cli/dashboard/terminal.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "base/text.h"

namespace stack::cli {

namespace {

constexpr size_t kLongestGreeting = 32;

// Reports its PID first. `exec` keeps it.
constexpr const char* kShellScript =
    "echo $$; if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi";

bool send_bytes(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

bool Terminal::send(http::WebSocketOpcode opcode, std::string_view payload) {
  return send_bytes(browser_, http::websocket_frame(opcode, payload));
}

void Terminal::run(std::string early) {
  Result<http::HijackedConnection> shell = start_shell();
  if (shell) {
    bridge(*shell, std::move(early));
    if (!shell_ended_) hang_up();
  } else {
    (void)send(http::WebSocketOpcode::Binary, "cannot open a terminal: " + shell.error().text() + "\r\n");
  }
  (void)send(http::WebSocketOpcode::Close, "\x03\xe8");  // 1000: a normal end
}

Result<http::HijackedConnection> Terminal::start_shell() {
  TRY_ASSIGN(http::Client engine, backend_.connect());
  Json request{
      {"AttachStdin", true}, {"AttachStdout", true},           {"AttachStderr", true},
      {"Tty", true},         {"Env", {"TERM=xterm-256color"}}, {"Cmd", {"/bin/sh", "-c", kShellScript}}};
  TRY_ASSIGN(Json created, engine.call_json("POST", "/containers/" + container_ + "/exec", request));
  const std::string id = string_or(created, "Id");
  if (!send(http::WebSocketOpcode::Text, id)) return Error("the browser left");
  return engine.hijack(
      {.method = "POST", .target = "/exec/" + id + "/start", .body = R"({"Detach":false,"Tty":true})"});
}

void Terminal::bridge(http::HijackedConnection& shell, std::string early) {
  const int engine = shell.socket.get();
  if (!shell.buffered.empty() && !from_shell(std::move(shell.buffered))) return;
  if (!early.empty() && !from_browser(engine, early)) return;
  std::array<char, 32768> bytes;
  for (;;) {
    pollfd ready[] = {{engine, POLLIN, 0}, {browser_, POLLIN, 0}, {stop_, POLLIN, 0}};
    if (::poll(ready, 3, -1) < 0 && errno != EINTR) return;
    if (ready[2].revents != 0) return;
    if (ready[0].revents != 0) {
      ssize_t n = ::recv(engine, bytes.data(), bytes.size(), 0);
      shell_ended_ = n <= 0;
      if (n <= 0 || !from_shell({bytes.data(), static_cast<size_t>(n)})) return;
    }
    if (ready[1].revents != 0) {
      ssize_t n = ::recv(browser_, bytes.data(), bytes.size(), 0);
      if (n <= 0 || !from_browser(engine, {bytes.data(), static_cast<size_t>(n)})) return;
    }
  }
}

bool Terminal::from_browser(int shell, std::string_view bytes) {
  Result<http::WebSocketReader::Received> received = reader_.take(bytes);
  if (!received) return false;
  if (!send_bytes(shell, received->data)) return false;
  return send_bytes(browser_, received->answer) && !received->closed;
}

// Removes the line with the PID.
bool Terminal::from_shell(std::string bytes) {
  if (!pid_known_) {
    greeting_ += bytes;
    size_t end = greeting_.find('\n');
    if (end == std::string::npos && greeting_.size() < kLongestGreeting) return true;
    pid_known_ = true;
    std::string first(trim(std::string_view(greeting_).substr(0, end)));
    if (is_all_digits(first)) {
      pid_ = first;
      greeting_.erase(0, end + 1);
    }
    bytes = std::move(greeting_);
  }
  return bytes.empty() || send(http::WebSocketOpcode::Binary, bytes);
}

// As if a terminal had been closed. The engine keeps commands whose client has left.
void Terminal::hang_up() {
  if (pid_.empty()) return;
  Result<http::Client> engine = backend_.connect();
  if (!engine) return;
  Json request{{"Cmd", {"/bin/sh", "-c", "kill -HUP " + pid_}}};
  Result<Json> created = engine->call_json("POST", "/containers/" + container_ + "/exec", request);
  if (created)
    (void)engine->call_json("POST", "/exec/" + string_or(*created, "Id") + "/start", {{"Detach", true}});
}

}  // namespace stack::cli
