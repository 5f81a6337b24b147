#include "cli/session/exec_run.h"

#include <unistd.h>

#include <optional>

#include "cli/render/output.h"
#include "cli/session/attachment.h"
#include "cli/session/engine_start.h"
#include "cli/session/reconnects.h"

namespace stack::cli {

namespace {

class ExecRun {
 public:
  ExecRun(Session& session, std::string container, const Json& body, const ExecRunOptions& options)
      : session_(session), container_(std::move(container)), body_(body), options_(options) {}

  Result<int> run() {
    do {
      ShownOutput before = shown_;
      Result<std::optional<int>> ended = id_.empty() ? create_and_start() : resume();
      if (!ended) return std::move(ended).error();
      if (*ended) return **ended;
      if (shown_.out != before.out || shown_.err != before.err) reconnects_.reset();
    } while (reconnects_.allow_another());
    return Error("the engine ended while the command was running; its exit code is unknown");
  }

 private:
  // Each returns the exit code, or nullopt if the engine was lost.
  Result<std::optional<int>> create_and_start() {
    auto created = session_.call("POST", "/containers/" + container_ + "/exec", body_);
    if (!created) return options_.explain ? options_.explain(created.error()) : std::move(created).error();
    id_ = string_or(*created, "Id");
    http::ClientRequest start = request("/start");
    Json body{{"Detach", false}, {"Tty", false}};
    if (options_.tty) {
      TerminalSize size = terminal_size(STDIN_FILENO);
      body["ConsoleSize"] = Json::array({size.rows, size.columns});
    }
    start.body = to_text(body);
    return join(std::move(start));
  }

  // The engine records a session before it starts the command, so an unknown session has not started.
  Result<std::optional<int>> resume() {
    auto state = session_.call("GET", "/exec/" + id_ + "/json");
    if (!state && state.error().kind() == ErrorKind::NotFound) {
      if (shown_.out + shown_.err > 0)
        return Error("the engine ended while the command was running; its exit code is unknown");
      id_.clear();
      return std::optional<int>();
    }
    if (!state) return std::move(state).error();
    return join(request("/attach"), true);
  }

  http::ClientRequest request(const std::string& action) const {
    http::ClientRequest request;
    request.method = "POST";
    request.target =
        "/exec/" + id_ + action + "?resume=" + std::to_string(shown_.out) + "," + std::to_string(shown_.err);
    return request;
  }

  Result<std::optional<int>> join(http::ClientRequest request, bool again = false) {
    TRY_ASSIGN(http::Client client, session_.connect());
    auto connection = client.hijack(std::move(request));
    // The engine died before it started the command.
    if (again && !connection && connection.error().kind() == ErrorKind::NotFound &&
        shown_.out + shown_.err == 0) {
      id_.clear();
      return std::optional<int>();
    }
    if (!connection && is_broken_connection(connection.error())) return std::optional<int>();
    if (!connection) {
      print_message(options_.explain ? options_.explain(connection.error()).text()
                                     : "stack: " + connection.error().text());
      return std::optional(start_failure_code(connection.error(), kExitError));
    }
    std::optional<int> code;
    TRY_ASSIGN(AttachmentEnd end, join_streams(std::move(*connection), attachment(code)));
    if (end == AttachmentEnd::Detached) return std::optional(0);
    return code;
  }

  Attachment attachment(std::optional<int>& code) {
    Attachment attachment;
    attachment.tty = options_.tty;
    attachment.forward_stdin = options_.interactive;
    attachment.detach_keys = options_.detach_keys;
    attachment.shown = &shown_;
    attachment.exit_code = &code;
    attachment.on_resize = [this](TerminalSize size) {
      // Errors are expected: the process may already have exited.
      static_cast<void>(session_
                            .call("POST", "/exec/" + id_ + "/resize?h=" + std::to_string(size.rows) +
                                              "&w=" + std::to_string(size.columns))
                            .has_value());
    };
    return attachment;
  }

  Session& session_;
  std::string container_;
  const Json& body_;
  const ExecRunOptions& options_;
  std::string id_;
  ShownOutput shown_;
  Reconnects reconnects_;
};

}  // namespace

Result<int> run_exec_attached(Session& session, const std::string& container_id, const Json& body,
                              const ExecRunOptions& options) {
  return ExecRun(session, container_id, body, options).run();
}

}  // namespace stack::cli
