// The launcher's messages to the engine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/container/report.h"
#include "runtime/monitor/wire.h"

namespace stack::runtime {

struct ProcessFds {
  int pidfd = -1;
  int stdin_write = -1;
  int stdout_read = -1;
  int stderr_read = -1;
  int terminal = -1;
};

// `type`: wire::kCreated or wire::kStarted.
Result<> tell_process(int control, wire::Type type, pid_t pid, const ProcessFds& fds,
                      const std::vector<std::string>& notes);
Result<> tell_failure(int control, const StepFailure& failure);
// Waits for the engine's start message; nullopt if the engine is gone. The value is the number of following requests that
// must be handled first.
Result<std::optional<uint32_t>> wait_for_start(int control);

}  // namespace stack::runtime
