// stack ls --target swarm
#include "cli/cluster/project_list.h"
#include "cli/cluster/swarm/commands.h"
#include "cli/cluster/swarm/docker_endpoint.h"
#include "cli/session/member.h"
#include "orchestrator/targets/swarm/api/live_project.h"
#include "orchestrator/targets/swarm/api/service_state.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

Result<int> ls_on_swarm(Session& session, const Arguments& arguments) {
  if (std::optional<int> code = refuse_project_filters(session, arguments)) return *code;
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY(swarm::read_project(*docker, "").map([](auto&&) {}));
  std::string label(swarm::kNamespaceLabel);
  TRY_ASSIGN(Json services, docker->call("GET", swarm::labeled("/services", label)));
  TRY_ASSIGN(Json tasks, docker->call("GET", swarm::labeled("/tasks", label)));
  ProjectStates projects;
  std::map<std::string, std::string> owner;
  for (const Json& service : items_of(services)) {
    std::string project = swarm::label_of(service, swarm::ObjectKind::Service, label);
    projects[project];
    owner[string_or(service, "ID")] = project;
  }
  for (const Json& task : items_of(tasks)) {
    auto project = owner.find(string_or(task, "ServiceID"));
    if (project == owner.end()) continue;
    swarm::TaskRow row = swarm::task_row(task, Json::object(), "", 0);
    if (row.current || string_or(member(task, "Status"), "State") == "complete")
      ++projects[project->second][row.state];
  }
  return print_projects(arguments, projects, "Swarm", docker->address());
}

}  // namespace stack::cli::cluster
