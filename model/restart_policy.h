// Decides whether and when an exited container is restarted. Docker's rules: moby `restartmanager`.
#pragma once

#include <chrono>

#include "model/container.h"

namespace stack {

// The supervisor's state per container. A manual start resets it.
struct RestartHistory {
  int count = 0;                           // restarts since the last manual start
  std::chrono::milliseconds last_delay{};  // 0 = none yet
};

struct RestartDecision {
  bool restart = false;
  std::chrono::milliseconds delay{};
  RestartHistory history;  // the new history if `restart`
};

struct ContainerExit {
  int code = 0;
  std::chrono::nanoseconds ran{};  // from start to exit
  bool manually_stopped = false;   // stop or kill by the user during this run
};

// The policy's delay, or 100 ms, doubled each time up to one minute; 100 ms again after a run of 10 s or more.
RestartDecision decide_restart(const RestartSpec& policy, const ContainerExit& exit,
                               const RestartHistory& history);

// Whether to start a stopped container when the engine starts, for example after a reboot. always: yes; unless-stopped:
// unless stopped by the user; on-failure: if its last exit code is not 0.
bool start_at_boot(const RestartSpec& policy, int last_exit_code, bool manually_stopped);

}  // namespace stack
