#include "cli/session/attach_to_running.h"

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "cli/session/member.h"
#include "cli/session/reconnects.h"

namespace stack::cli {

namespace {

constexpr int kExitPolls = 5;
constexpr auto kExitPoll = std::chrono::milliseconds(40);

// 0 if it is not a process of this machine.
pid_t engine_of(const http::Client& client) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  return ::getsockopt(client.fd(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 ? credentials.pid : 0;
}

class Rejoining {
 public:
  Rejoining(Session& session, const RunningAttachment& target, Attachment attachment)
      : session_(session), target_(target), attachment_(std::move(attachment)) {
    attachment_.shown = &shown_;
    attachment_.forward_stdin = target.stdin_wanted;
    attachment_.on_resize = [this](TerminalSize size) { resize(size); };
  }

  Result<AttachmentEnd> run() {
    for (bool first = true;; first = false) {
      ShownOutput before = shown_;
      auto connection = connect(first);
      if (!connection && !first && reconnects_.allow(connection.error())) continue;
      if (!connection && !first) return AttachmentEnd::Closed;
      if (!connection) return target_.explain ? target_.explain(connection.error()) : connection.error();
      if (first && target_.attached) TRY(target_.attached());
      if (first) started_at_ = run_now();
      if (attachment_.tty) resize(terminal_size(STDIN_FILENO));
      TRY_ASSIGN(AttachmentEnd end, join_streams(std::move(*connection), attachment_));
      if (end == AttachmentEnd::Detached || !runs_on()) return end;
      bool progress = shown_.out != before.out || shown_.err != before.err;
      // The process may have closed its output.
      if (!progress && engine_now() == engine_) return end;
      if (progress) reconnects_.reset();
      if (!reconnects_.allow_another()) return end;
    }
  }

 private:
  Result<http::HijackedConnection> connect(bool first) {
    TRY_ASSIGN(http::Client client, session_.connect());
    engine_ = engine_of(client);
    http::ClientRequest request;
    request.method = "POST";
    request.target =
        target_.path + "/attach?stream=1&stdout=1&stderr=1" + (target_.stdin_wanted ? "&stdin=1" : "");
    // Otherwise the engine would wait for the next start of a container that has ended meanwhile.
    if (!first) request.target += "&returning=1";
    return client.hijack(std::move(request));
  }

  pid_t engine_now() {
    auto client = session_.connect();
    return client ? engine_of(*client) : 0;
  }

  // When the present run began; "" if the container does not run.
  std::string run_now() {
    auto details = session_.call("GET", target_.path + "/json");
    if (!details) return "";
    const Json& state = member(*details, "State");
    return bool_or(state, "Running") ? string_or(state, "StartedAt") : "";
  }

  // The stream ends a moment before the engine knows of the exit. A restart begins another run.
  bool runs_on() {
    for (int i = 0; i < kExitPolls; ++i) {
      std::string now = run_now();
      if (now.empty() || now != started_at_) return false;
      std::this_thread::sleep_for(kExitPoll);
    }
    return true;
  }

  // The process may have ended meanwhile.
  void resize(TerminalSize size) {
    std::string query = "?h=" + std::to_string(size.rows) + "&w=" + std::to_string(size.columns);
    static_cast<void>(session_.call("POST", target_.path + "/resize" + query).has_value());
  }

  Session& session_;
  const RunningAttachment& target_;
  Attachment attachment_;
  std::string started_at_;
  ShownOutput shown_;
  Reconnects reconnects_;
  pid_t engine_ = 0;
};

}  // namespace

Result<AttachmentEnd> attach_to_running(Session& session, const RunningAttachment& target,
                                        Attachment attachment) {
  return Rejoining(session, target, std::move(attachment)).run();
}

}  // namespace stack::cli
