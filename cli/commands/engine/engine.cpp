// The commands `stack engine ...`.
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/flags/json_format.h"
#include "cli/render/output.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr Example kStatusExamples[] = {
    {"stack engine status", "show whether the engine is running, and where"}};
constexpr Flag kStatusFlags[] = {{0, "json", FlagArity::Nothing, "", "Print JSON"}, kTextFormatFlag};

Result<int> run_status(Session& session, const Arguments& arguments) {
  Result<bool> json = wants_json(arguments);
  if (!json) return session.usage_error(json.error().text());
  EnginePlace place = session.place();
  auto client = connect_running(place);
  bool running = client.has_value();
  if (!running && client.error().kind() != ErrorKind::NotFound) return std::move(client).error();
  Json version;
  Json info;
  if (running) {
    TRY_ASSIGN(version, client->call_json("GET", "/version"));
    TRY_ASSIGN(info, client->call_json("GET", "/info"));
  }
  Json status{{"running", running},
              {"socket", place.socket()},
              {"root", place.root},
              {"run_root", place.run_root},
              {"version", string_or(version, "Version")},
              {"containers", int_or(info, "Containers")},
              {"containers_running", int_or(info, "ContainersRunning")}};
  if (*json) {
    print(status.dump(2) + "\n");
  } else if (!running) {
    print("not running; the next command that needs it starts it\n");
  } else {
    print("running\n  version     " + string_or(version, "Version") + "\n  socket      " + place.socket() +
          "\n  state       " + place.root + "\n  containers  " +
          std::to_string(int_or(info, "ContainersRunning")) + " running of " +
          std::to_string(int_or(info, "Containers")) + "\n");
  }
  return 0;
}

constexpr Example kStopExamples[] = {
    {"stack engine stop", "containers keep running; the next command starts the engine again"}};
constexpr Flag kStopFlags[] = {{0, "containers", FlagArity::Nothing, "",
                                "Stop all containers first; they start again at the next boot"}};
constexpr int kStopPolls = 200;
constexpr std::chrono::milliseconds kStopPoll{50};

// If systemd holds the socket, connecting would start the next engine; the lock shows the state without connecting.
bool has_ended(const EnginePlace& place) {
  Result<std::optional<FileLock>> lock = FileLock::try_acquire(place.root + "/engine.lock");
  return lock ? lock->has_value() : !connect_running(place);
}

Result<int> run_stop(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  auto client = connect_running(session.place());
  if (!client && client.error().kind() == ErrorKind::NotFound) {
    print_message("the engine is not running");
    return 0;
  }
  if (!client) return std::move(client).error();
  std::string path =
      std::string("/stack/v1/shutdown") + (arguments.is_set("containers") ? "?containers=1" : "");
  auto answer = client->call_json("POST", path);
  // The engine may end before it sends its answer.
  if (!answer && !is_broken_connection(answer.error())) return std::move(answer).error();
  for (int i = 0; i < kStopPolls; ++i) {
    if (has_ended(session.place())) return 0;
    std::this_thread::sleep_for(kStopPoll);
  }
  return Error("the engine is still running after ten seconds; see `stack engine logs`");
}

constexpr Flag kLogsFlags[] = {
    {'f', "follow", FlagArity::Nothing, "", "Follow the output"},
    {'n', "tail", FlagArity::Value, "N", "Show only the last N lines (default: 100)"},
};
constexpr Example kLogsExamples[] = {{"stack engine logs -f", "follow the engine's log"}};
constexpr std::chrono::milliseconds kFollowPoll{250};

// The log is rotated: a large file is replaced by a new one.
[[noreturn]] void follow(const std::string& path, off_t at) {
  for (;;) {
    std::this_thread::sleep_for(kFollowPoll);
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) continue;
    if (info.st_size < at) at = 0;
    if (info.st_size == at) continue;
    auto log = read_file(path);
    if (!log) continue;
    print(std::string_view(*log).substr(static_cast<size_t>(at)));
    at = static_cast<off_t>(log->size());
  }
}

// Whether systemd runs the engine, so that its log is in the journal.
bool logs_to_journal(const EnginePlace& place) {
  if (place.run_root != "/run/stack" || !path_exists("/run/systemd/system")) return false;
  SpawnRequest request;
  request.program = "systemctl";
  request.args = {"is-active", "--quiet", "stack.service"};
  Result<CapturedRun> run = run_captured(std::move(request));
  return run && run->exit_code == 0;
}

Result<int> show_journal(int64_t tail, bool follow) {
  SpawnRequest request;
  request.program = "journalctl";
  request.args = {"--unit=stack.service", "--no-pager", "--quiet", "--output=cat",
                  "--lines=" + std::to_string(tail)};
  if (follow) request.args.emplace_back("--follow");
  TRY_ASSIGN(pid_t child, spawn(request).in("journalctl"));
  TRY_ASSIGN(int status, wait_for(child));
  return exit_code_of(status);
}

Result<int> run_logs(Session& session, const Arguments& arguments) {
  auto tail = arguments.number("tail");
  if (!tail) return session.usage_error(tail.error().text());
  if (logs_to_journal(session.place())) return show_journal(tail->value_or(100), arguments.is_set("follow"));
  std::string path = session.place().log();
  if (!path_exists(path))
    return not_found("no log at " + path + "; the engine has not been started since the last boot");
  TRY_ASSIGN(std::string log, read_file(path));
  for (const std::string& line : last_lines(log, static_cast<size_t>(tail->value_or(100)))) print_line(line);
  if (arguments.is_set("follow")) follow(path, static_cast<off_t>(log.size()));
  return 0;
}

}  // namespace

const Command kEngineStatus{
    .name = "engine status",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Show whether the engine is running, without starting it",
    .details = "",
    .examples = kStatusExamples,
    .flags = kStatusFlags,
    .most_words = 0,
    .run = run_status,
};

const Command kEngineStop{
    .name = "engine stop",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Stop the engine; containers keep running",
    .details = "",
    .examples = kStopExamples,
    .flags = kStopFlags,
    .most_words = 0,
    .run = run_stop,
};

const Command kEngineLogs{
    .name = "engine logs",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Show the engine's log",
    .details = "",
    .examples = kLogsExamples,
    .flags = kLogsFlags,
    .most_words = 0,
    .run = run_logs,
};

}  // namespace stack::cli
