// What a plan is carried out on: our own engine, another one, or a fake in tests.
#pragma once

#include <asio/awaitable.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "orchestrator/plan/plan.h"

namespace stack::orchestrator {

// Why an action failed, with what helps to understand it: the last log lines, probe output, build output.
struct ActionError {
  ActionError(Error e) : error(std::move(e)) {}
  ActionError(Error e, std::vector<std::string> lines) : error(std::move(e)), detail(std::move(lines)) {}
  Error error;
  std::vector<std::string> detail;
};

// The id of the image or container that the action made; "" for every other action.
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
  // Carries out one action. Idempotent, because an interrupted plan is made again and carried out again.
  // ContainerRef::id is filled in. An exception counts as a failure. Waits, builds and pulls return soon after
  // `stop` is requested, on the thread that runs the coroutine; every other action ignores it and completes.
  // CheckUpdate never comes here.
  virtual asio::awaitable<ActionResult> perform(Action action, std::stop_token stop) = 0;
};

}  // namespace stack::orchestrator
