// The commands that ask for the same thing of some services: start, stop, restart, kill, rm, pause, unpause.
#pragma once

#include "cli/session/session.h"

namespace stack::cli {

// POST /stack/v1/projects/{p}/VERB for the services named, with `body` added to them. Refuses --dry-run.
Result<int> change_services(Session& session, const Arguments& arguments, const std::string& verb, Json body);

}  // namespace stack::cli
