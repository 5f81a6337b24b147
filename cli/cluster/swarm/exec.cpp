// stack exec --target swarm
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "cli/cluster/swarm/commands.h"
#include "cli/cluster/swarm/docker_endpoint.h"
#include "cli/cluster/swarm/swarm_project.h"
#include "cli/render/output.h"
#include "cli/session/attachment.h"
#include "cli/session/member.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

namespace {

// Docker runs commands only on the node that has the container.
Result<std::string> find_container(swarm::DockerConnection& docker, const std::string& project,
                                   const std::string& service, int64_t index) {
  TRY_ASSIGN(swarm::LiveProject live, swarm::read_project(docker, project));
  TRY_ASSIGN(std::vector<ProjectTask> tasks, project_tasks(docker, project, {service}));
  std::set<std::string> nodes;
  for (const ProjectTask& task : tasks) {
    if (task.row.state != "running" || !task.row.current) continue;
    if (index > 0 && !task.row.name.ends_with("." + std::to_string(index))) continue;
    if (task.node == live.own_node) return task.row.container;
    nodes.insert(task.row.node);
  }
  if (nodes.empty())
    return not_found("service " + service + " has no running task" +
                     (index > 0 ? " with the number " + std::to_string(index) : ""));
  std::vector<std::string> names(nodes.begin(), nodes.end());
  return unsupported("service " + service + " runs on " + join(names, ", ") + ", but " + docker.address() +
                     " is another node: Docker executes commands only on the container's node");
}

Json exec_body(const Session& session, const Arguments& arguments, bool terminal) {
  Json variables = Json::array();
  for (const std::string& pair : arguments.all("env")) {
    if (pair.find('=') != std::string::npos) {
      variables.push_back(pair);
    } else if (session.environment().contains(pair)) {
      variables.push_back(pair + "=" + setting(session.environment(), pair));
    }
  }
  Json body{{"AttachStdin", arguments.is_set("interactive", true)},
            {"AttachStdout", true},
            {"AttachStderr", true},
            {"Tty", terminal},
            {"Env", std::move(variables)},
            {"Privileged", arguments.is_set("privileged")},
            {"Cmd", std::vector<std::string>(arguments.words.begin() + 1, arguments.words.end())}};
  if (arguments.given("user")) body["User"] = arguments.text("user");
  if (arguments.given("workdir")) body["WorkingDir"] = arguments.text("workdir");
  return body;
}

Result<int> exit_code_of_exec(swarm::DockerConnection& docker, const std::string& id) {
  TRY_ASSIGN(Json state, docker.call("GET", "/exec/" + id + "/json"));
  return static_cast<int>(int_or(state, "ExitCode"));
}

}  // namespace

Result<int> exec_on_swarm(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  auto index = arguments.number("index");
  if (!index) return session.usage_error(index.error().text());
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(auto docker, connect_docker(session));
  TRY_ASSIGN(std::string container, find_container(*docker, project, arguments.words[0], index->value_or(0)));
  bool terminals = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  bool terminal = arguments.is_set("tty", true) && !arguments.is_set("no-tty") && terminals;
  bool detached = arguments.is_set("detach");
  TRY_ASSIGN(Json created, docker->call("POST", "/containers/" + container + "/exec",
                                        exec_body(session, arguments, terminal)));
  std::string id = string_or(created, "Id");
  Json start{{"Detach", detached}, {"Tty", terminal}};
  if (detached) {
    TRY(docker->call("POST", "/exec/" + id + "/start", start).map([](auto&&) {}));
    return 0;
  }
  http::ClientRequest request;
  request.method = "POST";
  request.target = "/exec/" + id + "/start";
  request.body = to_text(start);
  auto connection = docker->hijack(std::move(request));
  if (!connection) {
    print_message("stack: " + connection.error().text());
    return start_failure_code(connection.error(), kExitError);
  }
  Attachment attachment;
  attachment.tty = terminal;
  attachment.forward_stdin = arguments.is_set("interactive", true);
  attachment.on_resize = [&](TerminalSize size) {
    // Errors are expected: the process may already have exited.
    static_cast<void>(docker
                          ->call("POST", "/exec/" + id + "/resize?h=" + std::to_string(size.rows) +
                                             "&w=" + std::to_string(size.columns))
                          .has_value());
  };
  TRY_ASSIGN(AttachmentEnd end, join_streams(std::move(*connection), attachment));
  if (end == AttachmentEnd::Detached) return 0;
  return exit_code_of_exec(*docker, id);
}

}  // namespace stack::cli::cluster
