// Carries out a plan. Event-driven: every action is a coroutine, started when what it comes after is done.
// Everything here runs on one executor (the engine's io_context); nothing is locked.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "orchestrator/plan/plan.h"
#include "orchestrator/plan/target.h"

namespace stack::orchestrator {

enum class ActionState { Pending, Running, Done, Failed, Skipped };
std::string_view to_text(ActionState state);  // "running", "done", "failed", "skipped"

struct Outcome {
  ActionState state = ActionState::Pending;
  bool performed = false;            // carried out, and it succeeded
  std::string text;                  // Skipped: because of what; Done without being performed: why not
  std::optional<ActionError> error;  // Failed
  std::string result;                // container or image id
  std::chrono::nanoseconds took{};
};

// Is told of every change of state, in order.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void changed(const Action& action, const Outcome& outcome) = 0;
};

// Keeps what a plan is for while it runs, so that the next engine can plan again for it. What `begin` writes
// survives the engine's death; a power cut may take it back, and ends all it spoke of.
class Journal {
 public:
  virtual ~Journal() = default;
  // A failure (disk full) fails the plan before its first action.
  virtual Result<> begin(const Plan& plan) = 0;
  virtual void finish(bool succeeded) = 0;
};

// Stops a running command from outside: nothing new starts; waits, builds and pulls end early; every other
// action that is running completes.
class Cancellation {
 public:
  // Idempotent; the first reason counts: "interrupted by `stack down`".
  void cancel(std::string reason);
  bool canceled() const { return source_.stop_requested(); }
  const std::string& reason() const { return reason_; }
  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::string reason_;
};

struct ExecuteOptions {
  int parallel_builds = 0;  // 0 = no limit
  // From the begin of the first wait; then all of them fail: "shop-db-1 is not healthy after 30s".
  std::optional<std::chrono::milliseconds> wait_timeout;
};

struct ExecutionReport {
  std::vector<Outcome> outcomes;        // of plan.actions, same order
  std::vector<ActionId> failed;         // in order of time; optional actions are not among them
  std::vector<std::string> warnings;    // failures of optional actions, and tolerated ones
  std::optional<std::string> canceled;  // the reason
  std::optional<Error> journal_error;   // nothing was done: the journal could not be begun
  int changed = 0;                      // actions performed that change something

  bool succeeded() const { return failed.empty() && !canceled && !journal_error; }
  // The first failure, or why it was canceled; call only if it did not succeed. Text begins with the
  // service: "service web: start
  // ...".
  Error error(const Plan& plan) const;
  const std::vector<std::string>& detail() const;
  // 0; 126, 127 for a command that cannot be run; else 1.
  int exit_code() const;
  // An image could not be had: what the plan made from nothing should be undone (reconcile.h, undo()).
  bool image_failed(const Plan& plan) const;
  std::vector<bool> performed() const;
  std::vector<std::string> ids() const;
};

// Runs the plan to its end: nothing starts after the failure of what it needs; after a failure nothing new
// starts at all (but sequences that have begun, and plans that keep going), what runs ends, and all failures
// are reported. References must outlive the call. `cancellation` may be null.
asio::awaitable<ExecutionReport> execute(std::shared_ptr<const Plan> plan, Target& target, Journal& journal,
                                         Progress& progress, ExecuteOptions options,
                                         std::shared_ptr<Cancellation> cancellation);

}  // namespace stack::orchestrator
