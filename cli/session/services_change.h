// The commands that apply one operation to services: start, stop, restart, kill, rm, pause, unpause.
#pragma once

#include "cli/session/session.h"

namespace stack::cli {

// Sends POST /stack/v1/projects/{p}/VERB with the named services and `body`. Rejects --dry-run.
Result<int> change_services(Session& session, const Arguments& arguments, const std::string& verb, Json body);

}  // namespace stack::cli
