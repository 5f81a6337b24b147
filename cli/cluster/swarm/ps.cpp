// stack ps and port --target swarm
#include <algorithm>

#include "base/text.h"
#include "cli/cluster/process_list.h"
#include "cli/cluster/swarm/commands.h"
#include "cli/cluster/swarm/docker_endpoint.h"
#include "cli/cluster/swarm/swarm_project.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/session/member.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

namespace {

Json task_json(const swarm::TaskRow& row, const std::string& project, bool whole) {
  return {{"ID", row.id},
          {"Name", row.name},
          {"Image", row.image},
          {"Command", ellipsis("\"" + row.command + "\"", whole ? 1000 : 20)},
          {"Project", project},
          {"Service", row.service},
          {"CreatedAt", row.created},
          {"RunningFor", age_text(row.created)},
          {"State", row.state},
          {"Status", whole ? row.status : ellipsis(row.status, 60)},
          {"Health", row.health},
          {"ExitCode", row.exit_code},
          {"Node", row.node},
          {"Container", row.container},
          {"Ports", row.ports}};
}

// As for local projects: ended tasks are shown only on request. A task that was to run and could not is shown.
bool is_shown(const swarm::TaskRow& row, const Arguments& arguments) {
  std::vector<std::string> states = arguments.all("status");
  if (!states.empty()) return std::find(states.begin(), states.end(), row.state) != states.end();
  return arguments.is_set("all") || (row.state != "exited" && row.current);
}

}  // namespace

Result<int> ps_on_swarm(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY_ASSIGN(std::vector<ProjectTask> tasks, project_tasks(*docker, project, arguments.words));
  ProcessList list;
  for (const ProjectTask& task : tasks) {
    if (!is_shown(task.row, arguments)) continue;
    list.services.insert(task.row.service);
    list.names += task.row.id + "\n";
    list.rows.push_back(task_json(task.row, project, arguments.is_set("no-trunc")));
  }
  return print_processes(arguments, list,
                         {"Name", "Image", "Command", "Service", "Node", "RunningFor", "Status", "Ports"});
}

Result<int> port_on_swarm(Session& session, const Arguments& arguments) {
  std::string service = arguments.words[0];
  auto wanted = wanted_port(arguments);
  if (!wanted) return session.usage_error(wanted.error().text());
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY_ASSIGN(std::vector<ProjectTask> tasks, project_tasks(*docker, project, {service}));
  for (const ProjectTask& task : tasks)
    for (const std::string& port : split(task.row.ports, ',')) {
      std::string text(trim(port));
      size_t arrow = text.find("->");
      if (arrow == std::string::npos || text.substr(arrow + 2) != *wanted) continue;
      print_line(task.row.node + text.substr(1, arrow - 1));
      return 0;
    }
  return not_found("port " + *wanted + " of service " + service + " is not published");
}

}  // namespace stack::cli::cluster
