// Executes a plan. Event-driven: every action is a coroutine that starts when its predecessors are done.
// Runs on one executor (the engine's io_context), without locks.
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
  bool performed = false;            // performed successfully
  std::string text;                  // Skipped: the cause; Done but not performed: the reason
  std::optional<ActionError> error;  // Failed
  std::string result;                // container or image id
  std::chrono::nanoseconds took{};
};

// Receives every change of state, in order.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void changed(const Action& action, const Outcome& outcome) = 0;
};

// Stores the goal of a running plan, so that the next engine can plan for it again. The entry written by `begin`
// survives the engine's death. A power cut may lose it, but also ends the containers that it concerns.
class Journal {
 public:
  virtual ~Journal() = default;
  // A failure (disk full) fails the plan before its first action.
  virtual Result<> begin(const Plan& plan) = 0;
  virtual void finish(bool succeeded) = 0;
};

// Cancels a running command: no new action starts; waits, builds, and pulls end early; other running actions
// complete.
class Cancellation {
 public:
  // Idempotent; the first reason is kept: "interrupted by `stack down`".
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
  // Measured from the start of the first wait; then all waits fail: "shop-db-1 is not healthy after 30s".
  std::optional<std::chrono::milliseconds> wait_timeout;
};

struct ExecutionReport {
  std::vector<Outcome> outcomes;        // parallel to plan.actions
  std::vector<ActionId> failed;         // in order of time, without optional actions
  std::vector<std::string> warnings;    // failures of optional actions, and tolerated failures
  std::optional<std::string> canceled;  // the reason
  std::optional<Error> journal_error;   // the journal could not be written, and no action was performed
  int changed = 0;                      // performed actions that change something

  bool succeeded() const { return failed.empty() && !canceled && !journal_error; }
  // The first failure, or the reason for the cancellation; call only after a failure. The text begins with the
  // service: "service web: start ...".
  Error error(const Plan& plan) const;
  const std::vector<std::string>& detail() const;
  // 0 for success; 126 or 127 for a command that cannot be run; otherwise 1.
  int exit_code() const;
  // Whether an image failed to build or pull: the caller then undoes what the plan created (reconcile.h, undo()).
  bool image_failed(const Plan& plan) const;
  std::vector<bool> performed() const;
  std::vector<std::string> ids() const;
};

// Runs the plan to its end. An action does not start if a predecessor failed. After a failure no new action starts,
// except in started sequences and in plans with keep_going; running actions complete, and all failures are reported.
// References must outlive the call. `cancellation` may be null.
asio::awaitable<ExecutionReport> execute(std::shared_ptr<const Plan> plan, Target& target, Journal& journal,
                                         Progress& progress, ExecuteOptions options,
                                         std::shared_ptr<Cancellation> cancellation);

}  // namespace stack::orchestrator
