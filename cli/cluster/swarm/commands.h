// The commands on a Docker swarm, one file each.
#pragma once

#include "cli/session/session.h"

namespace stack::cli::cluster {

Result<int> run_on_swarm(Session& session, const Arguments& arguments);

Result<int> convert_to_swarm(Session& session, const Arguments& arguments);
Result<int> deploy_on_swarm(Session& session, const Arguments& arguments);
Result<int> plan_on_swarm(Session& session, const Arguments& arguments);
Result<int> ps_on_swarm(Session& session, const Arguments& arguments);
Result<int> logs_on_swarm(Session& session, const Arguments& arguments);
Result<int> exec_on_swarm(Session& session, const Arguments& arguments);
Result<int> port_on_swarm(Session& session, const Arguments& arguments);
Result<int> ls_on_swarm(Session& session, const Arguments& arguments);
Result<int> down_on_swarm(Session& session, const Arguments& arguments);

}  // namespace stack::cli::cluster
