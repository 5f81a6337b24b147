// stack ls --target swarm
#include "base/text.h"
#include "cli/cluster/swarm/commands.h"
#include "cli/cluster/swarm/docker_endpoint.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"
#include "cli/session/member.h"
#include "orchestrator/targets/swarm/api/live_project.h"
#include "orchestrator/targets/swarm/api/service_state.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

namespace {

// "running(3), exited(1)", as for local projects.
std::string counts_text(const std::map<std::string, int>& states) {
  std::vector<std::string> out;
  for (const auto& [state, count] : states) out.push_back(state + "(" + std::to_string(count) + ")");
  return join(out, ", ");
}

}  // namespace

Result<int> ls_on_swarm(Session& session, const Arguments& arguments) {
  for (const std::string& filter : arguments.all("filter"))
    if (!filter.starts_with("name="))
      return session.usage_error("invalid filter \"" + filter + "\": must be name=TEXT");
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY(swarm::read_project(*docker, "").map([](auto&&) {}));
  std::string label(swarm::kNamespaceLabel);
  TRY_ASSIGN(Json services, docker->call("GET", swarm::labeled("/services", label)));
  TRY_ASSIGN(Json tasks, docker->call("GET", swarm::labeled("/tasks", label)));
  std::map<std::string, std::map<std::string, int>> projects;
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
  std::vector<Json> rows;
  for (const auto& [name, states] : projects) {
    if (!arguments.is_set("all") && !states.contains("running")) continue;
    bool wanted = true;
    for (const std::string& filter : arguments.all("filter"))
      wanted = wanted && name.find(filter.substr(filter.find('=') + 1)) != std::string::npos;
    if (wanted)
      rows.push_back({{"Name", name}, {"Status", counts_text(states)}, {"Swarm", docker->address()}});
  }
  std::string format = arguments.text("format", "table");
  if (arguments.is_set("quiet")) {
    for (const Json& row : rows) print_line(string_or(row, "Name"));
  } else if (format == "json") {
    print_line(to_text(Json(rows)));
  } else if (format == "table" || format == "pretty") {
    Table table({"NAME", "STATUS", "SWARM"}, 20);
    for (const Json& row : rows)
      table.add({string_or(row, "Name"), string_or(row, "Status"), string_or(row, "Swarm")});
    print(table.text());
  } else {
    TRY_ASSIGN(std::string text, text_template::render_format(format, rows));
    print(text);
  }
  return 0;
}

}  // namespace stack::cli::cluster
