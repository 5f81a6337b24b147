// stack ps and port --target swarm
#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "base/units.h"
#include "cli/cluster/swarm/commands.h"
#include "cli/cluster/swarm/docker_endpoint.h"
#include "cli/cluster/swarm/swarm_project.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"
#include "cli/session/member.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

namespace {

std::string task_age(const std::string& created) {
  auto time = parse_rfc3339(created);
  if (!time) return "";
  auto age = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - *time);
  return human_duration(std::max(age, std::chrono::seconds(0))) + " ago";
}

Json task_json(const swarm::TaskRow& row, const std::string& project, bool whole) {
  return {{"ID", row.id},
          {"Name", row.name},
          {"Image", row.image},
          {"Command", ellipsis("\"" + row.command + "\"", whole ? 1000 : 20)},
          {"Project", project},
          {"Service", row.service},
          {"CreatedAt", row.created},
          {"RunningFor", task_age(row.created)},
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
  std::vector<Json> rows;
  std::set<std::string> services;
  std::string quiet;
  for (const ProjectTask& task : tasks) {
    if (!is_shown(task.row, arguments)) continue;
    services.insert(task.row.service);
    quiet += task.row.id + "\n";
    rows.push_back(task_json(task.row, project, arguments.is_set("no-trunc")));
  }
  std::string format = arguments.text("format", "table");
  if (arguments.is_set("quiet")) {
    print(quiet);
  } else if (arguments.is_set("services")) {
    for (const std::string& service : services) print_line(service);
  } else if (format == "table" || format == "pretty") {
    Table table({"NAME", "IMAGE", "COMMAND", "SERVICE", "NODE", "CREATED", "STATUS", "PORTS"});
    for (const Json& row : rows)
      table.add({string_or(row, "Name"), string_or(row, "Image"), string_or(row, "Command"),
                 string_or(row, "Service"), string_or(row, "Node"), string_or(row, "RunningFor"),
                 string_or(row, "Status"), string_or(row, "Ports")});
    print(table.text());
  } else {
    TRY_ASSIGN(std::string text, text_template::render_format(format, rows));
    print(text);
  }
  return 0;
}

Result<int> port_on_swarm(Session& session, const Arguments& arguments) {
  std::string service = arguments.words[0];
  std::string wanted = arguments.words[1];
  std::string protocol = lower(arguments.text("protocol", "tcp"));
  if (size_t slash = wanted.find('/'); slash != std::string::npos) {
    protocol = lower(wanted.substr(slash + 1));
    wanted.resize(slash);
  }
  if (!is_all_digits(wanted) || wanted.size() > 5)
    return session.usage_error("\"" + wanted + "\" is not a port number");
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY_ASSIGN(std::vector<ProjectTask> tasks, project_tasks(*docker, project, {service}));
  for (const ProjectTask& task : tasks)
    for (const std::string& port : split(task.row.ports, ',')) {
      std::string text(trim(port));
      size_t arrow = text.find("->");
      if (arrow == std::string::npos || text.substr(arrow + 2) != wanted + "/" + protocol) continue;
      print_line(task.row.node + text.substr(1, arrow - 1));
      return 0;
    }
  return not_found("port " + wanted + "/" + protocol + " of service " + service + " is not published");
}

}  // namespace stack::cli::cluster
