// One container start, from the engine's request to a running command.
#pragma once

#include "base/json.h"
#include "runtime/container/report.h"

namespace stack::runtime {

// Each function returns only on failure; on success the process has become the monitor.
// The descriptor number under `key` in the request; -1 if there is none.
int request_fd(const Json& request, const char* key);

StepFailure launch_container(const Json& request);
StepFailure adopt_container(const Json& request);
StepFailure launch_exec_session(const Json& request);

}  // namespace stack::runtime
