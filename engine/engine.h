// The engine: all services of one state root, and its socket.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "engine/host/tls_listener.h"
#include "engine/settings/settings.h"
#include "engine/state/paths.h"

namespace stack::engine {

struct EngineOptions {
  Paths paths;
  Settings settings;
  Fd ready;                            // receives one byte once the engine serves requests
  std::vector<Fd> inherited;           // listening sockets from systemd, used instead of our own
  std::chrono::seconds idle_exit{60};  // idle time without containers and clients; negative: never exit
  TlsSettings tls;                     // clients on TCP; the engine then never exits for idleness
};

// Runs until a stop request or the idle limit. Conflict if another engine holds the state root.
Result<> run_engine(EngineOptions options);

}  // namespace stack::engine
