// Restarts the engine.
#pragma once

#include <stdint.h>

#include "runtime/monitor/wire.h"

namespace stack::runtime {

class EngineStart {
 public:
  EngineStart(const wire::MonitorState& state, char** env) : state_(state), env_(env) {}

  bool possible() const { return state_.engine_argv[0] != '\0'; }
  // The engine is running: resets the number of attempts.
  void reset() { attempts_ = 0; }
  // Milliseconds to wait before the next attempt.
  int64_t delay() const;
  // Tries once. A concurrent attempt by another monitor counts as well.
  void attempt();

 private:
  const wire::MonitorState& state_;
  char** env_;
  int attempts_ = 0;
};

}  // namespace stack::runtime
