// Asking the engine for a change and showing it until it is done.
#pragma once

#include <signal.h>

#include <functional>
#include <string>
#include <vector>

#include "cli/render/progress/progress.h"
#include "cli/session/session.h"

namespace stack::cli {

struct Change {
  std::string title;   // "up": heads the live picture
  std::string target;  // of the POST: a project's path and the command
  Json body;
  bool cancelled_by_leaving = false;  // a build: closing the connection ends it
  std::vector<std::string> images =
      {};  // whose registries the engine may ask, beside those of the body's project
};

struct ChangeResult {
  bool ok = false;
  int exit_code = 0;
  int64_t changed = 0;
  std::string error;
  std::vector<std::string> detail;  // last log lines, probe output
  std::string failed_kind;          // of the first action that failed
  std::string failed_service;
  Json last;  // the whole last line
};

using ChangeObserver = std::function<void(const Json& line)>;

// While it lives, Ctrl-C and SIGTERM say what goes on without us and end the program with 130. One at a time.
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

// With --dry-run: prints what the engine would do. The exit code.
Result<int> show_plan(Session& session, const Change& change);

// Runs the stream to its end. Where the engine dies in the middle it is started and asked again, a few times.
// The error is one of reaching the engine, or its refusal of the request.
Result<ChangeResult> follow_change(const Session& session, const Change& change, Progress& progress,
                                   const ChangeObserver& observer = nullptr);

// Says why it failed: the cause, the last output, the command to run next. Gives the exit code.
int say_result(const Session& session, const ChangeResult& result);
// The text of that, without colour: for tests.
std::string failure_text(const ChangeResult& result, const std::string& program, bool colour);

// All of it: progress, notice, result; or the plan, with --dry-run.
Result<int> run_change(Session& session, const Change& change, const ChangeObserver& observer = nullptr);

}  // namespace stack::cli
