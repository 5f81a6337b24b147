// The target of a plan: our engine, another engine, or a fake in tests.
#pragma once

#include <asio/awaitable.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "orchestrator/plan/plan.h"

namespace stack::orchestrator {

// Why an action failed, with details: the last log lines, probe output, build output.
struct ActionError {
  ActionError(Error e) : error(std::move(e)) {}
  ActionError(Error e, std::vector<std::string> lines) : error(std::move(e)), detail(std::move(lines)) {}
  Error error;
  std::vector<std::string> detail;
};

// The ID of the image or container created by the action; "" for other actions.
class [[nodiscard]] ActionResult : public tl::expected<std::string, ActionError> {
 public:
  using tl::expected<std::string, ActionError>::expected;
  ActionResult() : tl::expected<std::string, ActionError>(std::string()) {}
  ActionResult(Error error) : tl::expected<std::string, ActionError>(tl::unexpect, std::move(error)) {}
  ActionResult(ActionError error) : tl::expected<std::string, ActionError>(tl::unexpect, std::move(error)) {}
  ActionResult(Result<> other) {
    if (!other) *this = ActionResult(std::move(other).error());
  }
};

class Target {
 public:
  virtual ~Target() = default;
  // Performs one action. Must be idempotent, because an interrupted plan is computed and executed again.
  // ContainerRef::id is set. An exception counts as a failure. Waits, builds, and pulls return soon after a stop
  // request, on the thread that runs the coroutine; other actions ignore it and complete. Never called with
  // CheckUpdate.
  virtual asio::awaitable<ActionResult> perform(Action action, std::stop_token stop) = 0;
};

}  // namespace stack::orchestrator
