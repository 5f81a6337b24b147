// Requests a change from the engine and shows its progress until it is done.
#pragma once

#include <signal.h>

#include <functional>
#include <string>
#include <vector>

#include "cli/render/progress/progress.h"
#include "cli/session/session.h"

namespace stack::cli {

struct Change {
  std::string title;   // "up": title of the live progress
  std::string target;  // target of the POST: the project's path and the command
  Json body;
  bool canceled_by_leaving = false;      // true for a build: closing the connection cancels it
  std::vector<std::string> images = {};  // additional images that need registry credentials
};

struct ChangeResult {
  bool ok = false;
  int exit_code = 0;
  int64_t changed = 0;
  std::string error;
  std::vector<std::string> detail;  // last log lines, probe output
  std::string failed_kind;          // kind of the first action that failed
  std::string failed_service;
  Json last;  // the last line of the stream
};

using ChangeObserver = std::function<void(const Json& line)>;

// Until destruction, Ctrl-C and SIGTERM print a notice and exit with 130. Only one instance may exist.
class InterruptNotice {
 public:
  explicit InterruptNotice(bool cancels);
  ~InterruptNotice();
  InterruptNotice(const InterruptNotice&) = delete;
  InterruptNotice& operator=(const InterruptNotice&) = delete;

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM};
  struct sigaction before_[2]{};
};

ProgressStyle progress_style(const Session& session);

// For --dry-run: prints what the engine would do. Returns the exit code.
Result<int> show_plan(Session& session, const Change& change);

// Runs the stream to its end. If the engine dies, starts it and repeats the request, up to a few times.
// Returns an error only if the engine cannot be reached or rejects the request.
Result<ChangeResult> follow_change(const Session& session, const Change& change, Progress& progress,
                                   const ChangeObserver& observer = nullptr);

// Prints why the change failed: the cause, the last output, and the command to run next. Returns the exit code.
int say_result(const Session& session, const ChangeResult& result);
// The text printed by say_result, for tests.
std::string failure_text(const ChangeResult& result, const std::string& program, bool color);

// Runs a change with progress, interrupt notice, and result; with --dry-run shows the plan instead.
Result<int> run_change(Session& session, const Change& change, const ChangeObserver& observer = nullptr);

}  // namespace stack::cli
