// When a waiting action is over: pure decisions over what is observed, made again at each event of the
// container.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/plan/observed.h"

namespace stack::orchestrator {

struct WaitVerdict {
  enum class State { Waiting, Done, Failed };
  State state = State::Waiting;
  std::string text;  // Waiting: what is waited for now; Failed: why, Docker Compose's words
};

struct WaitFacts {
  std::string name;  // of the container
  ContainerStatus state = ContainerStatus::Created;
  Health health = Health::None;
  int exit_code = 0;
  // The restart policy will start it again: an exit is then not final.
  bool will_restart = false;
  int restarts = 0;  // by the restart policy, since it was started
};

// Runs, and is healthy if it has a health check; or has ended with 0.
WaitVerdict judge_running(const WaitFacts& facts);
// `or_running`: a container without a health check is done when it runs, else that is a failure. With it a
// container that exited with 0 and is not restarted counts as done too (one-shots under `up --wait`).
WaitVerdict judge_healthy(const WaitFacts& facts, bool or_running);
WaitVerdict judge_completed(const WaitFacts& facts);
// Whether a container can take another's place: healthy, if it has a health check, and `ran` for `monitor`,
// as many that are healthy at first die soon after. An exit is a failure although the restart policy would
// start it again; only a one-shot that ended with 0 is accepted.
WaitVerdict judge_accepted(const WaitFacts& facts, Nanoseconds ran, Nanoseconds monitor);

}  // namespace stack::orchestrator
