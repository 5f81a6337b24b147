#include <algorithm>

#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/docker_formats.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"
#include "cli/session/containers.h"

namespace stack::cli {

namespace {

constexpr Flag kPsFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Include stopped containers and containers of `run`"},
    kQuietFlag,
    {0, "services", FlagArity::Nothing, "", "Print only service names"},
    {0, "status", FlagArity::Values, "STATUS",
     "Show only containers that are running, exited, created, paused, restarting, removing, or dead"},
    kFilterFlag,
    kFormatFlag,
    kNoTruncFlag,
    {0, "orphans", FlagArity::Nothing, "",
     "Include containers of services that are not in the Compose file (default: true)"},
};
constexpr Example kPsExamples[] = {
    {"stack ps", "list running containers"},
    {"stack ps -a", "include stopped containers"},
    {"stack ps --format json | jq -r .Name", "process the list in a script: one object per line"},
    {"stack ps --format 'table {{.Name}}\\t{{.Status}}'", "choose the columns"},
};
constexpr std::string_view kStates[] = {"running",    "exited",   "created", "paused",
                                        "restarting", "removing", "dead"};

Result<std::vector<std::string>> wanted_states(const Arguments& arguments) {
  std::vector<std::string> states = arguments.all("status");
  for (const std::string& filter : arguments.all("filter")) {
    if (!filter.starts_with("status=")) {
      return invalid("invalid filter \"" + filter + "\": must be status=VALUE");
    }
    states.push_back(filter.substr(7));
  }
  for (const std::string& state : states) {
    if (std::find(std::begin(kStates), std::end(kStates), state) == std::end(kStates)) {
      return invalid("invalid status \"" + state + "\"");
    }
  }
  return states;
}

std::string table_text(const std::vector<Json>& rows) {
  Table table({"NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"});
  for (const Json& row : rows) {
    table.add({string_or(row, "Name"), string_or(row, "Image"), string_or(row, "Command"),
               string_or(row, "Service"), string_or(row, "RunningFor"), string_or(row, "Status"),
               string_or(row, "Ports")});
  }
  return table.text();
}

// Drops containers whose service the engine's copy of the project does not declare.
Result<std::vector<Container>> without_orphans(Session& session, const std::string& project_name,
                                               std::vector<Container> containers) {
  TRY_ASSIGN(Json answer, session.call("GET", project_path(project_name)));
  Json services = answer.is_object() && answer.contains("project") ? answer["project"]["services"] : Json();
  std::erase_if(containers, [&](const Container& container) {
    return !services.is_object() || !services.contains(container.service);
  });
  return containers;
}

Result<int> run_ps(Session& session, const Arguments& given) {
  Arguments arguments = with_default_format(given, session.environment(), "psFormat");
  auto states = wanted_states(arguments);
  if (!states) return session.usage_error(states.error().text());
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY(session.require_services(project_name, arguments.words));
  bool all = arguments.is_set("all");
  TRY_ASSIGN(auto containers,
             list_containers(session, project_name,
                             all || !states->empty() ? ContainerFilter::All : ContainerFilter::Running, all));
  containers = of_services(std::move(containers), arguments.words);
  if (!states->empty()) {
    std::erase_if(containers, [&](const Container& container) {
      return std::find(states->begin(), states->end(), container.state) == states->end();
    });
  }
  if (!arguments.is_set("orphans", true)) {
    TRY_ASSIGN(containers, without_orphans(session, project_name, std::move(containers)));
  }
  std::string text;
  if (arguments.is_set("quiet")) {
    for (const Container& container : containers) text += container.id + "\n";
  } else if (arguments.is_set("services")) {
    std::vector<std::string> names;
    for (const Container& container : containers) names.push_back(container.service);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    for (const std::string& name : names) text += name + "\n";
  } else {
    std::vector<Json> rows;
    for (const Container& container : containers) {
      rows.push_back(container_json(container, seconds_now(), !arguments.is_set("no-trunc")));
    }
    std::string format = arguments.text("format", "table");
    if (format == "table" || format == "pretty") {
      text = table_text(rows);
    } else {
      TRY_ASSIGN(text, text_template::render_format(format, rows));
    }
  }
  print(text);
  return 0;
}

}  // namespace

const Command kPs{
    .name = "ps",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "List the project's containers",
    .details = "",
    .examples = kPsExamples,
    .flags = kPsFlags,
    .words_are_services = true,
    .run = run_ps,
};

}  // namespace stack::cli
