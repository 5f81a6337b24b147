#include "orchestrator/targets/kubernetes/api/exec.h"

#include <poll.h>
#include <unistd.h>

#include "base/text.h"
#include "http/wire/query.h"
#include "orchestrator/targets/kubernetes/api/resources.h"
#include "orchestrator/targets/kubernetes/api/websocket.h"

namespace stack::targets::kubernetes {

namespace {

constexpr char kInput = 0, kOutput = 1, kErrors = 2, kStatus = 3, kSize = 4;
constexpr char kCloseChannel = '\xff';
constexpr int kLookMs = 500;
// Between them, input is sent: a command that prints without end can be interrupted.
constexpr int kMessagesAtOnce = 32;

std::string exec_path(const ExecRequest& request) {
  std::string path = *resource_path("Pod", request.name_space, request.pod) + "/exec?stdout=true";
  for (const std::string& word : request.command) path += "&command=" + http::percent_encode(word);
  if (!request.container.empty()) path += "&container=" + http::percent_encode(request.container);
  if (request.input) path += "&stdin=true";
  return path + (request.terminal ? "&tty=true" : "&stderr=true");
}

class ExecSession {
 public:
  ExecSession(WebSocket socket, const ExecRequest& request)
      : socket_(std::move(socket)), request_(request), input_open_(request.input) {}

  Result<int> run() {
    for (;;) {
      TRY(send_size());
      TRY_ASSIGN(bool ended, take_messages());
      if (ended) break;
      pollfd fds[2] = {{socket_.fd(), POLLIN, 0}, {input_open_ ? request_.input_fd : -1, POLLIN, 0}};
      int ready = ::poll(fds, 2, has_more_ ? 0 : kLookMs);
      if (ready > 0 && fds[1].revents != 0) TRY(send_input());
    }
    if (status_.empty()) return Error("the connection to the pod was lost");
    return exit_code_of_status(status_);
  }

 private:
  // Whether the session has ended.
  Result<bool> take_messages() {
    has_more_ = true;
    for (int i = 0; i < kMessagesAtOnce; ++i) {
      TRY_ASSIGN(std::optional<std::string> message, socket_.receive());
      if (!message) {
        has_more_ = false;
        return socket_.closed();
      }
      if (message->empty()) continue;
      char channel = message->front();
      std::string_view bytes = std::string_view(*message).substr(1);
      if (channel == kOutput && !bytes.empty()) request_.output(STDOUT_FILENO, bytes);
      if (channel == kErrors && !bytes.empty()) request_.output(STDERR_FILENO, bytes);
      if (channel == kStatus) status_ += bytes;
    }
    return false;
  }

  Result<> send_input() {
    char buffer[16384];
    buffer[0] = kInput;
    ssize_t size = ::read(request_.input_fd, buffer + 1, sizeof(buffer) - 1);
    if (size < 0 && errno == EINTR) return {};
    if (size > 0) return socket_.send(std::string_view(buffer, static_cast<size_t>(size) + 1));
    input_open_ = false;
    if (!socket_.protocol().starts_with("v5")) return {};
    return socket_.send(std::string{kCloseChannel, kInput});
  }

  Result<> send_size() {
    if (!request_.terminal || !request_.size) return {};
    auto size = request_.size();
    if (!size || size == last_size_) return {};
    last_size_ = size;
    Json json{{"Width", size->first}, {"Height", size->second}};
    return socket_.send(std::string(1, kSize) + json.dump());
  }

  WebSocket socket_;
  const ExecRequest& request_;
  bool input_open_;
  bool has_more_ = false;  // messages may wait that poll(2) does not see
  std::string status_;
  std::optional<std::pair<int, int>> last_size_;
};

}  // namespace

Result<int> exit_code_of_status(const std::string& status) {
  TRY_ASSIGN(Json json, parse_json(status).in("the status of the command"));
  if (string_or(json, "status") == "Success") return 0;
  const Json details = json.value("details", Json::object());
  if (details.is_object() && details.contains("causes") && details["causes"].is_array())
    for (const Json& cause : details["causes"]) {
      std::string code = string_or(cause, "message");
      if (string_or(cause, "reason") == "ExitCode" && is_all_digits(code) && code.size() < 4)
        return std::stoi(code);
    }
  std::string message = string_or(json, "message");
  if (message.find("executable file not found") != std::string::npos ||
      message.find("no such file or directory") != std::string::npos)
    return Error(ErrorKind::NoCommand, message);
  if (message.find("permission denied") != std::string::npos) return Error(ErrorKind::NotExecutable, message);
  return Error(message.empty() ? "the command failed" : message);
}

Result<int> exec_in_pod(const Access& access, const ExecRequest& request) {
  ApiResult<WebSocket> socket =
      WebSocket::connect(access, exec_path(request), {"v5.channel.k8s.io", "v4.channel.k8s.io"});
  if (!socket) return to_error(socket.error(), access);
  return ExecSession(std::move(*socket), request).run();
}

}  // namespace stack::targets::kubernetes
