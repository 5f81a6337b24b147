// The loop of `stack ui`: reads the engine once per second, and the keyboard.
#pragma once

#include <string>

#include "cli/session/session.h"

namespace stack::cli {

// Runs until the user quits. Requires a terminal. Restores it in any case.
Result<int> run_ui(Session& session, const std::string& project_name);

}  // namespace stack::cli
