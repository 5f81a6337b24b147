#include "cli/session/attached_run.h"

#include <poll.h>
#include <unistd.h>

#include "cli/render/output.h"
#include "cli/session/attachment.h"
#include "cli/session/engine_start.h"
#include "cli/session/member.h"
#include "cli/session/reconnects.h"

namespace stack::cli {

namespace {

// Attaches and begins to wait before the container starts, so that neither output nor its exit is missed.
class AttachedRun {
 public:
  AttachedRun(Session& session, std::string id, const AttachedRunOptions& options)
      : session_(session), id_(std::move(id)), options_(options) {}

  Result<int> run() {
    for (;;) {
      ShownOutput before = shown_;
      Result<std::optional<int>> code = round();
      if (code && *code) return **code;
      if (shown_.out != before.out || shown_.err != before.err) reconnects_.reset();
      if (code ? !reconnects_.allow_another() : !reconnects_.allow(code.error()))
        return code ? Result<int>(Error("the connection to the engine broke again and again"))
                    : Result<int>(std::move(code).error());
      first_ = false;
    }
  }

 private:
  // Each returns the exit code; nullopt, or a broken connection, if the engine died.
  Result<std::optional<int>> round() {
    if (!started_ && !first_) {
      TRY_ASSIGN(started_, was_started());
    }
    return started_ ? rejoin() : begin();
  }

  Result<std::optional<int>> begin() {
    TRY_ASSIGN(http::HijackedConnection connection, attach(false));
    TRY_ASSIGN(http::Client waiter, begin_wait(options_.remove ? "removed" : "next-exit"));
    Result<> started = start();
    if (!started && is_broken_connection(started.error())) return std::move(started).error();
    if (!started) return failed_start(started.error()).map([](int code) { return std::optional(code); });
    started_ = true;
    if (options_.tty) resize(terminal_size(STDIN_FILENO));
    return follow(std::move(connection), std::move(waiter));
  }

  // The next engine adopts the container, and the monitor keeps the output that no reader has had.
  Result<std::optional<int>> rejoin() {
    auto connection = attach(true);
    if (!connection && is_broken_connection(connection.error())) return std::move(connection).error();
    TRY_ASSIGN(http::Client waiter, begin_wait("not-running"));
    if (connection) {
      TRY_ASSIGN(AttachmentEnd end, show(std::move(*connection), waiter));
      if (end == AttachmentEnd::Detached) return std::optional(0);
    }
    auto answer = waiter.finish();
    if (!answer) return std::optional<int>();
    // What reached neither us nor a monitor's readers. The engine keeps the container for a moment, even if it is to be removed.
    auto rest = attach_to_log(false);
    if (rest) static_cast<void>(join_streams(std::move(*rest), unseen()).has_value());
    if (options_.remove) static_cast<void>(session_.call("DELETE", path("?v=1")).has_value());
    return exit_code_of(*answer).map([](int code) { return std::optional(code); });
  }

  Result<std::optional<int>> follow(http::HijackedConnection connection, http::Client waiter) {
    TRY_ASSIGN(AttachmentEnd end, show(std::move(connection), waiter));
    if (end == AttachmentEnd::Detached) return std::optional(0);
    auto rest = waiter.finish();
    if (!rest) return std::optional<int>();
    return exit_code_of(*rest).map([](int code) { return std::optional(code); });
  }

  // Shows the output until the command ends. If its monitor is killed, the attachment ends earlier; the log then has what is missing.
  Result<AttachmentEnd> show(http::HijackedConnection connection, http::Client& waiter) {
    Attachment to_show = attachment();
    for (bool cut = true;;) {
      ShownOutput before = shown_;
      TRY_ASSIGN(AttachmentEnd end, join_streams(std::move(connection), to_show));
      if (end == AttachmentEnd::Detached || !cut || ends_now(waiter) || !is_running()) return end;
      auto again = attach_to_log(true);
      if (!again) return end;
      // A command may also have closed its output.
      cut = shown_.out != before.out || shown_.err != before.err;
      to_show.skip = shown_;
      connection = std::move(*again);
    }
  }

  static bool ends_now(http::Client& waiter) {
    constexpr int kMilliseconds = 300;
    pollfd entry{waiter.fd(), POLLIN, 0};
    return ::poll(&entry, 1, kMilliseconds) != 0;
  }

  bool is_running() {
    auto details = session_.call("GET", path("/json"));
    return details && bool_or(details->value("State", Json::object()), "Running");
  }

  // Not repeated by itself: a second start could run the command twice.
  Result<> start() {
    TRY_ASSIGN(http::Client client, session_.connect());
    return client.call_json("POST", path("/start"), {}).map([](auto&&) {});
  }

  // Whether an engine that died had started the command.
  Result<bool> was_started() {
    auto details = session_.call("GET", path("/json"));
    if (!details) return std::move(details).error();
    return string_or(details->value("State", Json::object()), "Status") != "created";
  }

  // All output from the start, and with `stream` what follows.
  Result<http::HijackedConnection> attach_to_log(bool stream) {
    TRY_ASSIGN(http::Client client, session_.connect());
    return client.hijack(
        request("POST", path(std::string("/attach?logs=1") + (stream ? "&stream=1" : "&stream=0") +
                             wanted_streams(stream && options_.interactive))));
  }

  std::string wanted_streams(bool input) const {
    return std::string(options_.stdout_wanted ? "&stdout=1" : "") +
           (options_.stderr_wanted ? "&stderr=1" : "") + (input ? "&stdin=1" : "");
  }

  Attachment unseen() {
    Attachment rest = attachment();
    rest.forward_stdin = false;
    rest.skip = shown_;
    return rest;
  }

  Result<http::HijackedConnection> attach(bool returning) {
    TRY_ASSIGN(http::Client client, session_.connect());
    std::string target = path("/attach?stream=1") + wanted_streams(options_.interactive);
    target += "&resume=" + std::to_string(shown_.out) + "," + std::to_string(shown_.err);
    if (returning) target += "&returning=1";
    return client.hijack(request("POST", target));
  }

  Result<http::Client> begin_wait(const std::string& condition) {
    TRY_ASSIGN(http::Client waiter, session_.connect());
    TRY(waiter.begin(request("POST", path("/wait?condition=" + condition))).map([](auto&&) {}));
    return waiter;
  }

  static Result<int> exit_code_of(const std::string& answer) {
    TRY_ASSIGN(Json exit, parse_json(answer));
    return static_cast<int>(int_or(exit, "StatusCode"));
  }

  std::string path(const std::string& suffix) const { return "/containers/" + id_ + suffix; }

  static http::ClientRequest request(std::string method, std::string target) {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    return request;
  }

  Result<int> failed_start(const Error& error) {
    if (options_.print_start_error) {
      options_.print_start_error(error);
    } else {
      print_message("stack: " + error.text());
    }
    if (options_.remove) static_cast<void>(session_.call("DELETE", path("?force=1&v=1")).has_value());
    return start_failure_code(error, options_.start_error_code);
  }

  void resize(TerminalSize size) {
    std::string query = "?h=" + std::to_string(size.rows) + "&w=" + std::to_string(size.columns);
    static_cast<void>(session_.call("POST", path("/resize" + query)).has_value());
  }

  Attachment attachment() {
    Attachment attachment;
    attachment.tty = options_.tty;
    attachment.forward_stdin = options_.interactive;
    attachment.shown = &shown_;
    if (auto keys = DetachKeys::parse(options_.detach_keys)) attachment.detach_keys = *keys;
    attachment.on_resize = [this](TerminalSize size) { resize(size); };
    if (!options_.tty && options_.forward_signals) {
      attachment.on_signal = [this](int signal) {
        static_cast<void>(session_.call("POST", path("/kill?signal=" + std::to_string(signal))).has_value());
      };
    }
    return attachment;
  }

  Session& session_;
  std::string id_;
  const AttachedRunOptions& options_;
  ShownOutput shown_;
  Reconnects reconnects_;
  bool first_ = true;
  bool started_ = false;
};

}  // namespace

Result<int> run_attached(Session& session, const std::string& container_id,
                         const AttachedRunOptions& options) {
  return AttachedRun(session, container_id, options).run();
}

}  // namespace stack::cli
