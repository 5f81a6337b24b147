// The record of a resumable exec session: exec.json in its folder (Paths::exec), beside the monitor's socket and exit code.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "engine/container/exec_service.h"

namespace stack::engine {

// Creates the session's folder with its record.
Result<> record_session(const ExecSession& session, const std::string& folder);

// Only the members that GET /exec/{id}/json shows.
Result<ExecRequest> read_session(const std::string& folder);

}  // namespace stack::engine
