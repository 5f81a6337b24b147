#include "engine/container/container.h"

#include "base/log.h"
#include "engine/container/container_run.h"

namespace stack::engine {

std::vector<IpAddress> Endpoint::addresses() const {
  std::vector<IpAddress> addresses;
  for (Family family : {Family::V4, Family::V6})
    if (address(family)) addresses.push_back(address(family)->address);
  return addresses;
}

Verdict Container::take(LifeEvent event) {
  Transition step = next(phase, event);
  if (step.verdict == Verdict::Go) phase = step.next;
  if (step.verdict == Verdict::Impossible)
    log_error("bug: container " + spec.name + ": event \"" + std::string(to_text(event)) + "\" in phase " +
              std::string(to_text(phase)));
  return step.verdict;
}

bool Container::has_process() const { return run && run->process; }

ContainerStatus Container::status() const {
  StatusFacts facts;
  facts.has_process = has_process();
  facts.has_started = state.started_at != kZeroTime && !state.started_at.empty();
  facts.by_policy = run && run->by_policy;
  return status_of(phase, facts);
}

}  // namespace stack::engine
