// The engine: all services of one state root, and the socket they are served on.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "engine/state/paths.h"

namespace stack::engine {

struct EngineOptions {
  Paths paths;
  Fd ready;                            // one byte is written here once requests are served
  std::vector<Fd> inherited;           // listening sockets from systemd, instead of one of our own
  std::chrono::seconds idle_exit{60};  // without containers and clients; negative: never
};

// Runs until it is told to stop, or is idle. Conflict where another engine holds the state root.
Result<> run_engine(EngineOptions options);

}  // namespace stack::engine
