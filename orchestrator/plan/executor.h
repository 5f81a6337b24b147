// Carries out a plan. Event-driven: every action is a coroutine, started when what it comes after is done.
// Everything here runs on one executor (the engine's io_context); nothing is locked.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "orchestrator/plan/plan.h"

namespace stack::orchestrator {

// Why an action failed, with what helps to understand it: last log lines, probe output, build output.
struct ActionError {
  ActionError(Error e) : error(std::move(e)) {}
  ActionError(Error e, std::vector<std::string> lines) : error(std::move(e)), detail(std::move(lines)) {}
  Error error;
  std::vector<std::string> detail;
};

template <typename T = void>
class [[nodiscard]] DriverResult : public tl::expected<T, ActionError> {
 public:
  using tl::expected<T, ActionError>::expected;
  DriverResult(Error error) : tl::expected<T, ActionError>(tl::unexpect, std::move(error)) {}
  DriverResult(ActionError error) : tl::expected<T, ActionError>(tl::unexpect, std::move(error)) {}
  DriverResult(Result<T> other)
      : tl::expected<T, ActionError>(
            other ? tl::expected<T, ActionError>(lift(std::move(other)))
                  : tl::expected<T, ActionError>(tl::unexpect, std::move(other).error())) {}

 private:
  static tl::expected<T, ActionError> lift(Result<T> other) {
    if constexpr (std::is_void_v<T>) {
      static_cast<void>(other);
      return {};
    } else {
      return std::move(*other);
    }
  }
};

template <typename T = void>
using DriverTask = asio::awaitable<DriverResult<T>>;

// What the engine can do. Every call is idempotent, because an interrupted plan is made anew and carried out
// again. ContainerRef::id is always filled in. Exceptions are caught and count as failures. Waits, builds and
// pulls get asio's terminal cancellation when the plan is cancelled or fails elsewhere; all others run to
// their end.
class Drivers {
 public:
  virtual ~Drivers() = default;
  virtual DriverTask<> create_network(ActionId id, CreateNetwork action) = 0;
  virtual DriverTask<> remove_network(ActionId id, RemoveNetwork action) = 0;
  virtual DriverTask<> create_volume(ActionId id, CreateVolume action) = 0;
  virtual DriverTask<> remove_volume(ActionId id, RemoveVolume action) = 0;
  virtual DriverTask<std::string> build_image(ActionId id, BuildImage action) = 0;  // image id
  virtual DriverTask<std::string> pull_image(ActionId id, PullImage action) = 0;    // image id
  virtual DriverTask<> remove_image(ActionId id, RemoveImage action) = 0;
  virtual DriverTask<std::string> create_container(ActionId id, CreateContainer action) = 0;  // container id
  virtual DriverTask<> rename_container(ActionId id, RenameContainer action) = 0;
  virtual DriverTask<> start_container(ActionId id, StartContainer action) = 0;
  virtual DriverTask<> stop_container(ActionId id, StopContainer action) = 0;
  virtual DriverTask<> kill_container(ActionId id, KillContainer action) = 0;
  virtual DriverTask<> remove_container(ActionId id, RemoveContainer action) = 0;
  virtual DriverTask<> pause_container(ActionId id, PauseContainer action) = 0;
  virtual DriverTask<> unpause_container(ActionId id, UnpauseContainer action) = 0;
  virtual DriverTask<> wait_running(ActionId id, WaitRunning action) = 0;
  virtual DriverTask<> wait_healthy(ActionId id, WaitHealthy action) = 0;
  virtual DriverTask<> wait_completed(ActionId id, WaitCompleted action) = 0;
  virtual DriverTask<> wait_accepted(ActionId id, WaitAccepted action) = 0;
  virtual DriverTask<> wait_delay(ActionId id, WaitDelay action) = 0;
  virtual DriverTask<> run_hook(ActionId id, RunHook action) = 0;
  virtual DriverTask<> run_pre_start(ActionId id, RunPreStart action) = 0;
  virtual DriverTask<> connect_network(ActionId id, ConnectNetwork action) = 0;
  virtual DriverTask<> disconnect_network(ActionId id, DisconnectNetwork action) = 0;
};

enum class ActionState { Pending, Running, Done, Failed, Skipped };
std::string_view to_text(ActionState state);  // "running", "done", "failed", "skipped"

struct Outcome {
  ActionState state = ActionState::Pending;
  bool performed = false;            // a driver was called and succeeded
  std::string text;                  // Skipped: because of what; Done without being performed: why not
  std::optional<ActionError> error;  // Failed
  std::string result;                // container or image id
  std::chrono::nanoseconds took{};
};

// Told of every change of state, in order.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void changed(const Action& action, const Outcome& outcome) = 0;
};

// The record by which an engine that was killed knows what it was about. What `begin` and `before` write
// survives the engine's death; a power cut may take it back, and ends all it spoke of. A failure of `before`
// (disk full) fails the action before anything is done.
class Journal {
 public:
  virtual ~Journal() = default;
  virtual Result<> begin(const Plan& plan) = 0;
  virtual Result<> before(const Action& action) = 0;
  virtual void after(const Action& action, const Outcome& outcome) = 0;
  virtual void finish(bool succeeded) = 0;
};

// Stops a running plan from outside: nothing new is started, waits, builds and pulls are cancelled, the rest
// ends.
class Cancellation {
 public:
  // Idempotent; the first reason counts: "interrupted".
  void cancel(std::string reason);
  bool cancelled() const { return reason_.has_value(); }
  const std::string& reason() const { return *reason_; }

 private:
  friend class Execution;
  std::optional<std::string> reason_;
  std::function<void()> notify_;
};

struct ExecuteOptions {
  int parallel_builds = 0;  // 0 = no limit
  // From the begin of the first wait; then all of them fail: "shop-db-1 is not healthy after 30s".
  std::optional<std::chrono::milliseconds> wait_timeout;
};

struct ExecutionReport {
  std::vector<Outcome> outcomes;         // of plan.actions, same order
  std::vector<ActionId> failed;          // in order of time; optional actions are not among them
  std::vector<std::string> warnings;     // failures of optional actions, and tolerated ones
  std::optional<std::string> cancelled;  // the reason
  std::optional<Error> journal_error;    // nothing was done: the journal could not be begun
  int changed = 0;                       // actions performed that change something

  bool succeeded() const { return failed.empty() && !cancelled && !journal_error; }
  // The first failure, or why it was cancelled; call only if it did not succeed. Text begins with the
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
asio::awaitable<ExecutionReport> execute(std::shared_ptr<const Plan> plan, Drivers& drivers, Journal& journal,
                                         Progress& progress, ExecuteOptions options,
                                         std::shared_ptr<Cancellation> cancellation);

}  // namespace stack::orchestrator
