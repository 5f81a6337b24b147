#include "orchestrator/plan/wait.h"

#include "base/units.h"

namespace stack::orchestrator {
namespace {

using State = WaitVerdict::State;

bool is_over(const WaitFacts& facts) {
  bool ended = facts.state == ContainerStatus::Exited || facts.state == ContainerStatus::Dead;
  return ended && !facts.will_restart;
}

std::string exited_text(const WaitFacts& facts) {
  return "container " + facts.name + " exited (" + std::to_string(facts.exit_code) + ")";
}

WaitVerdict waiting(const WaitFacts& facts) {
  std::string text(to_text(facts.state));
  if (facts.state == ContainerStatus::Running && facts.health != Health::None) {
    text += ", health " + std::string(to_text(facts.health));
  }
  return {State::Waiting, facts.name + " is " + text};
}

}  // namespace

WaitVerdict judge_running(const WaitFacts& facts) { return judge_healthy(facts, true); }

WaitVerdict judge_healthy(const WaitFacts& facts, bool or_running) {
  if (is_over(facts)) {
    if (or_running && facts.exit_code == 0) return {State::Done, ""};
    return {State::Failed, (or_running ? "" : "dependency failed to start: ") + exited_text(facts)};
  }
  if (facts.state != ContainerStatus::Running) return waiting(facts);
  switch (facts.health) {
    case Health::Healthy:
      return {State::Done, ""};
    case Health::Starting:
      return waiting(facts);
    case Health::Unhealthy:
      return {State::Failed, "container " + facts.name + " is unhealthy"};
    case Health::None:
      break;
  }
  if (or_running) return {State::Done, ""};
  return {State::Failed, "container " + facts.name + " has no healthcheck configured"};
}

WaitVerdict judge_accepted(const WaitFacts& facts, Nanoseconds ran, Nanoseconds monitor) {
  if (is_over(facts) && facts.exit_code == 0) return {State::Done, ""};
  bool ended = facts.state == ContainerStatus::Exited || facts.state == ContainerStatus::Dead ||
               facts.state == ContainerStatus::Restarting;
  if (ended || facts.restarts > 0) return {State::Failed, exited_text(facts)};
  if (facts.state != ContainerStatus::Running || facts.health != Health::None) {
    WaitVerdict verdict = judge_healthy(facts, true);
    if (verdict.state != State::Done) return verdict;
  }
  if (ran >= monitor) return {State::Done, ""};
  return {State::Waiting, facts.name + " must run for " + go_duration(monitor)};
}

WaitVerdict judge_completed(const WaitFacts& facts) {
  if (!is_over(facts)) return waiting(facts);
  if (facts.exit_code == 0) return {State::Done, ""};
  return {State::Failed, "container " + facts.name + " didn't complete successfully: exit " +
                             std::to_string(facts.exit_code)};
}

}  // namespace stack::orchestrator
