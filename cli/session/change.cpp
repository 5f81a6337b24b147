#include "cli/session/change.h"

#include <unistd.h>

#include <set>

#include "base/text.h"
#include "cli/render/output.h"
#include "cli/render/plan_text.h"
#include "cli/session/credential_store.h"
#include "cli/session/member.h"
#include "cli/session/reconnects.h"
#include "docker/registry_auth.h"

namespace stack::cli {

namespace {

// For the signal handler.
std::string_view notice_text;

// Collects the result from the lines of the stream.
class Listener {
 public:
  Listener(Progress& progress, const ChangeObserver& observer) : progress_(progress), observer_(observer) {}

  void line(const Json& line) {
    std::string event = string_or(line, "event");
    if (event == "plan") {
      for (const Json& action : items_of(member(line, "actions"))) actions_[int_or(action, "id")] = action;
    } else if (event == "action" && string_or(line, "state") == "failed" && result_.failed_kind.empty()) {
      const Json& action = actions_[int_or(line, "id")];
      result_.failed_kind = string_or(action, "kind");
      result_.failed_service = string_or(action, "service");
    } else if (event == "done") {
      ended_ = result_.ok = true;
      result_.changed = int_or(line, "changed");
      result_.last = line;
    } else if (event == "created") {
      ended_ = result_.ok = true;
      result_.last = line;
    } else if (event == "error") {
      ended_ = true;
      result_.error = string_or(line, "text");
      result_.exit_code = static_cast<int>(int_or(line, "code", kExitError));
      if (result_.exit_code == 0) result_.exit_code = kExitError;
      result_.detail = strings_of(member(line, "detail"));
      result_.last = line;
    }
    progress_.event(line);
    if (observer_) observer_(line);
  }

  void restart() {
    actions_.clear();
    result_ = {};
    progress_.restart();
  }

  bool ended() const { return ended_; }
  ChangeResult take() { return std::move(result_); }

 private:
  Progress& progress_;
  const ChangeObserver& observer_;
  std::map<int64_t, Json> actions_;
  ChangeResult result_;
  bool ended_ = false;
};

}  // namespace

InterruptNotice::InterruptNotice(bool cancels) {
  notice_text =
      cancels ? "\ninterrupted: canceled\n"
              : "\ninterrupted; the engine will finish the operation in progress (`stack down` ends it)\n";
  struct sigaction action{};
  action.sa_handler = [](int) {
    static_cast<void>(!::write(STDERR_FILENO, notice_text.data(), notice_text.size()));
    _exit(kExitInterrupted);
  };
  for (size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &action, &before_[i]);
}

InterruptNotice::~InterruptNotice() {
  for (size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

ProgressStyle progress_style(const Session& session) {
  ProgressStyle style;
  style.mode = session.globals().progress;
  bool on_stdout = session.variable_on("COMPOSE_STATUS_STDOUT");
  style.fd = on_stdout ? STDOUT_FILENO : STDERR_FILENO;
  style.terminal = on_stdout ? session.out() : session.err();
  return style;
}

namespace {

// "up" of ".../projects/shop/up".
std::string command_of(const Change& change) { return change.target.substr(change.target.rfind('/') + 1); }

// Whether the change may ask a registry for this service's image.
bool asks_registry(const Session& session, const Change& change, const Json& service) {
  std::string image = string_or(service, "image");
  std::string policy = string_or(member(change.body, "options"), "pull", string_or(change.body, "pull"));
  if (policy.empty() || policy == "missing" || policy == "policy")
    policy = string_or(service, "pull_policy", "missing");
  if (image.empty() || policy == "never") return false;
  bool only_missing = policy == "missing" || policy == "if_not_present" || policy == "build";
  if (!only_missing || command_of(change) == "pull") return true;
  Result<http::Client> client = session.connect();
  return !client || !client->call_json("GET", "/images/" + image + "/json").has_value();
}

// Credentials for the images that the change may pull or push; "" if there are none. A helper may be slow or ask the user, so it
// is not run for images that are here.
std::string credentials_header(const Session& session, const Change& change) {
  static const std::set<std::string> kPulling{"up", "run", "build", "pull", "push"};
  if (!kPulling.contains(command_of(change))) return "";
  std::vector<std::string> images = change.images;
  const Json& project = member(change.body, "project");
  const Json& services = member(project, "services");
  bool has_helpers = CredentialStore::open(session.environment()).has_helpers();
  if (services.is_object())
    for (const auto& [name, service] : services.items())
      if (!has_helpers || asks_registry(session, change, service))
        images.push_back(string_or(service, "image"));
  std::erase(images, "");
  bool builds = change.title == "build" || bool_or(member(change.body, "options"), "build");
  RegistryKeyring keyring = CredentialStore::open(session.environment()).keyring(images, builds);
  return keyring.empty() ? "" : docker::config_header(keyring);
}

}  // namespace

Result<int> show_plan(Session& session, const Change& change) {
  size_t slash = change.target.rfind('/');
  std::string project = change.target.substr(0, slash);
  Json body = change.body;
  body["command"] = change.target.substr(slash + 1);
  TRY_ASSIGN(Json plan, session.call("POST", project + "/plan", body));
  print(plan_text(plan, project.substr(project.rfind('/') + 1), session.out().color));
  return 0;
}

Result<ChangeResult> follow_change(const Session& session, const Change& change, Progress& progress,
                                   const ChangeObserver& observer) {
  Listener listener(progress, observer);
  http::ClientRequest request;
  request.method = "POST";
  request.target = change.target;
  request.body = to_text(change.body);
  if (std::string credentials = credentials_header(session, change); !credentials.empty())
    request.headers.emplace_back("X-Registry-Config", std::move(credentials));
  for (Reconnects reconnects;;) {
    TRY_ASSIGN(http::Client client, session.connect());
    Result<> followed = client.lines(request, [&](const Json& line) {
      listener.line(line);
      return !listener.ended();
    });
    if (listener.ended()) break;
    if (!followed && !is_broken_connection(followed.error())) return std::move(followed).error();
    if (!reconnects.allow_another())
      return Error("the connection to the engine broke again and again; see `stack engine logs`");
    progress.write(STDERR_FILENO, "lost the connection to the engine; starting it again\n");
    listener.restart();
  }
  progress.finish();
  return listener.take();
}

namespace {

std::string next_step(const ChangeResult& result, const std::string& program) {
  // A command that was not found has no output.
  bool never_ran = result.exit_code == 126 || result.exit_code == 127;
  bool has_logs = result.failed_kind == "start-container" || result.failed_kind.starts_with("wait-");
  if (result.failed_service.empty() || never_ran || !has_logs) return {};
  return program + " logs " + result.failed_service;
}

// The cause may repeat output lines that are shown separately.
std::string without_repeated_lines(const std::string& cause, const std::vector<std::string>& detail) {
  std::vector<std::string> lines = split(cause, '\n');
  std::vector<std::string> kept{lines[0]};
  for (size_t i = 1; i < lines.size(); ++i) {
    bool repeated = std::any_of(detail.begin(), detail.end(),
                                [&](const std::string& line) { return trim(line) == trim(lines[i]); });
    if (!repeated) kept.push_back(lines[i]);
  }
  return join(kept, "\n");
}

}  // namespace

std::string failure_text(const ChangeResult& result, const std::string& program, bool color) {
  std::string text =
      paint("stack:", Color::Red, color) + " " + without_repeated_lines(result.error, result.detail);
  for (const std::string& line : result.detail) text += "\n  | " + line;
  std::string next = next_step(result, program);
  if (!next.empty()) text += "\nnext: " + paint(next, Color::Bold, color);
  return text;
}

int say_result(const Session& session, const ChangeResult& result) {
  if (result.ok) return 0;
  if (session.globals().progress == ProgressMode::JsonLines) {
    print_message(to_text(Json{{"error", true}, {"message", result.error}, {"details", result.detail}}));
  } else {
    print_message(failure_text(result, session.program_with_project(), session.err().color));
    if (session.globals().ci) print_message(failure_annotation(session.annotations(), result.error));
  }
  return result.exit_code;
}

Result<int> run_change(Session& session, const Change& change, const ChangeObserver& observer) {
  if (session.globals().dry_run) return show_plan(session, change);
  InterruptNotice notice(change.canceled_by_leaving);
  auto progress = make_progress(progress_style(session), change.title);
  TRY_ASSIGN(ChangeResult result, follow_change(session, change, *progress, observer));
  return say_result(session, result);
}

}  // namespace stack::cli
