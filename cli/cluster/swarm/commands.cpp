#include "cli/cluster/swarm/commands.h"

namespace stack::cli::cluster {

namespace {

struct SwarmRow {
  std::string_view command;
  Result<int> (*run)(Session& session, const Arguments& arguments);
};
constexpr SwarmRow kSwarmRows[] = {
    {"convert", convert_to_swarm}, {"deploy", deploy_on_swarm}, {"plan", plan_on_swarm},
    {"ps", ps_on_swarm},           {"logs", logs_on_swarm},     {"exec", exec_on_swarm},
    {"port", port_on_swarm},       {"down", down_on_swarm},     {"ls", ls_on_swarm},
};

}  // namespace

Result<int> run_on_swarm(Session& session, const Arguments& arguments) {
  // --host names the swarm's manager; images are built by the engine of this machine.
  Globals globals = session.globals();
  if (!globals.cluster.host.empty()) globals.foreign_socket.clear();
  Session local(std::move(globals), session.environment(), session.current_directory());
  local.set_command(session.command());
  for (const SwarmRow& row : kSwarmRows)
    if (row.command == session.command().name) return row.run(local, arguments);
  return unsupported("`" + std::string(session.command().name) + "` does not support the target swarm");
}

}  // namespace stack::cli::cluster
