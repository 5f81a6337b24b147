// Waits for a container to reach a state.
#pragma once

#include <functional>

#include "engine/project/actions.h"
#include "orchestrator/plan/wait.h"

namespace stack::engine {

// The verdict on the current facts, and the time of the next check even without a change.
struct WaitStatus {
  WaitStatus(orchestrator::WaitVerdict found) : verdict(std::move(found)) {}
  orchestrator::WaitVerdict verdict;
  std::chrono::steady_clock::time_point again = std::chrono::steady_clock::time_point::max();
};

// Checks each change of the container until the verdict is final, and reports the wait to the client. Ends early if
// the command is stopped, or after kAbandonedWait if no client reads the events: an abandoned command must not keep
// its project locked. A failure carries last_words().
ActionTask wait_until(ActionContext context, orchestrator::ContainerRef container,
                      std::function<WaitStatus(const Container&)> look);

inline constexpr std::chrono::minutes kAbandonedWait{10};

// The progress of a health check that has not succeeded yet, the member "probe" of a wait line (docs/API.md): failures,
// retries, the milliseconds until it fails at the earliest, exit code and last output line of the last probe. Otherwise null.
Json probe_progress(const HealthState& health, const HealthcheckSpec& check, SteadyTime now);

// A configured check that has not begun because the container is just starting counts as "starting".
orchestrator::WaitFacts wait_facts_of(const ProjectParts& parts, const Container& container);

// The last lines of a container's log and of its health probe: context for a failure.
std::vector<std::string> last_words(const ProjectParts& parts, const Container& container);

}  // namespace stack::engine
