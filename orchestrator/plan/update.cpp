#include "orchestrator/plan/update.h"

namespace stack::orchestrator {
namespace {

UpdateFailure failure_action(const std::string& text) {
  if (text == "continue") return UpdateFailure::Continue;
  return text == "rollback" ? UpdateFailure::Rollback : UpdateFailure::Pause;
}

}  // namespace

UpdatePolicy update_policy(const compose::UpdateConfig& config) {
  UpdatePolicy policy;
  if (config.parallelism) policy.parallelism = *config.parallelism;
  policy.delay = config.delay;
  if (config.monitor > Nanoseconds::zero()) policy.monitor = config.monitor;
  policy.on_failure = failure_action(config.failure_action);
  policy.max_failure_ratio = config.max_failure_ratio;
  if (config.order == "start-first") policy.order = UpdateOrder::StartFirst;
  return policy;
}

std::optional<std::string> judge_update(const UpdateFacts& facts, UpdateFailure on_failure,
                                        double max_failure_ratio) {
  if (facts.failed == 0) return std::nullopt;
  if (on_failure == UpdateFailure::Continue && !facts.last) return std::nullopt;
  if (facts.failed <= max_failure_ratio * facts.replicas) return std::nullopt;
  std::string text = facts.rollback ? "rollback of service " : "update of service ";
  text += facts.service;
  if (on_failure == UpdateFailure::Rollback) {
    text += " was rolled back: ";
  } else {
    text += facts.last ? " failed: " : " stopped: ";
  }
  return text + std::to_string(facts.failed) + " of " + std::to_string(facts.replicas) +
         " containers could not be replaced: " + facts.first_failure;
}

}  // namespace stack::orchestrator
