// Decides when a wait ends. Pure; called again after each event of the container.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/plan/observed.h"

namespace stack::orchestrator {

struct WaitVerdict {
  enum class State { Waiting, Done, Failed };
  State state = State::Waiting;
  std::string text;  // Waiting: the current condition; Failed: the reason, in Docker Compose's words
};

struct WaitFacts {
  std::string name;  // of the container
  ContainerStatus state = ContainerStatus::Created;
  Health health = Health::None;
  int exit_code = 0;
  // Whether the restart policy will restart it, so that an exit is not final.
  bool will_restart = false;
  int restarts = 0;  // by the restart policy, since the start
};

// Done if it runs, and is healthy if it has a health check, or if it exited with 0.
WaitVerdict judge_running(const WaitFacts& facts);
// `or_running`: a running container without a health check is done; without it, that is a failure. It also accepts a
// container that exited with 0 and is not restarted (one-shots with `up --wait`).
WaitVerdict judge_healthy(const WaitFacts& facts, bool or_running);
WaitVerdict judge_completed(const WaitFacts& facts);
// Whether a container can replace another: it is healthy, if it has a health check, and `ran` is at least `monitor`,
// because some containers become healthy and die soon after. An exit is a failure even if the restart policy would
// restart the container; only a one-shot that exited with 0 is accepted.
WaitVerdict judge_accepted(const WaitFacts& facts, Nanoseconds ran, Nanoseconds monitor);

}  // namespace stack::orchestrator
