#include "model/restart_policy.h"

#include <algorithm>

namespace stack {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kFirstDelay = 100ms;
constexpr std::chrono::milliseconds kLongestDelay = 1min;
constexpr std::chrono::seconds kLongRun = 10s;

bool policy_wants(const RestartSpec& policy, int exit_code, int count) {
  bool any = policy.name == "always" || policy.name == "unless-stopped";
  if (!any && (policy.name != "on-failure" || exit_code == 0)) return false;
  return policy.max_retries == 0 || count < policy.max_retries;
}

}  // namespace

RestartDecision decide_restart(const RestartSpec& policy, const ContainerExit& exit,
                               const RestartHistory& history) {
  RestartDecision decision;
  bool succeeded = policy.window > Nanoseconds::zero() && exit.ran >= policy.window;
  int count = succeeded ? 0 : history.count;
  if (exit.manually_stopped || !policy_wants(policy, exit.code, count)) return decision;
  bool first = history.last_delay == 0ms || exit.ran >= kLongRun;
  decision.restart = true;
  decision.delay = first ? kFirstDelay : std::min(history.last_delay * 2, kLongestDelay);
  if (policy.delay > Nanoseconds::zero())
    decision.delay = std::chrono::duration_cast<std::chrono::milliseconds>(policy.delay);
  decision.history = {count + 1, decision.delay};
  return decision;
}

bool start_at_boot(const RestartSpec& policy, int last_exit_code, bool manually_stopped) {
  if (policy.name == "always") return true;
  // Docker considers a manual stop only for this policy.
  if (policy.name == "unless-stopped") return !manually_stopped;
  return policy.name == "on-failure" && last_exit_code != 0;
}

}  // namespace stack
