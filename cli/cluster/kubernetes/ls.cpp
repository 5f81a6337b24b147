// stack ls --target kubernetes
#include "base/text.h"
#include "cli/cluster/kubernetes/cluster_session.h"
#include "cli/cluster/kubernetes/commands.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"
#include "cli/session/member.h"
#include "orchestrator/targets/kubernetes/api/workload_state.h"

namespace stack::cli::cluster {

namespace kube = targets::kubernetes;

namespace {

constexpr const char* kLabeled = "?labelSelector=stack.project";

Result<std::vector<Json>> labeled(const ClusterSession& cluster, const char* kind) {
  auto answer = cluster.connection->call({.path = *kube::resource_path(kind, cluster.name_space) + kLabeled});
  if (!answer) return to_error(answer.error(), cluster.connection->access());
  return items_of(member(*answer, "items"));
}

std::string project_of(const Json& object) {
  return string_or(member(member(object, "metadata"), "labels"), kube::kProjectLabel);
}

// "running(3), exited(1)", as for local projects.
std::string status_text(const std::map<std::string, int>& states) {
  std::vector<std::string> out;
  for (const auto& [state, count] : states) out.push_back(state + "(" + std::to_string(count) + ")");
  return join(out, ", ");
}

}  // namespace

Result<int> ls_on_kubernetes(Session& session, const Arguments& arguments) {
  for (const std::string& filter : arguments.all("filter"))
    if (!filter.starts_with("name="))
      return session.usage_error("invalid filter \"" + filter + "\": must be name=TEXT");
  TRY_ASSIGN(ClusterSession cluster, connect_cluster(session));
  TRY_ASSIGN(std::vector<Json> inventories, labeled(cluster, "Secret"));
  TRY_ASSIGN(std::vector<Json> pods, labeled(cluster, "Pod"));
  std::map<std::string, std::map<std::string, int>> projects;
  for (const Json& inventory : inventories)
    if (string_or(inventory, "type") == "stack/inventory") projects[project_of(inventory)];
  for (const Json& pod : pods) ++projects[project_of(pod)][kube::pod_row(pod, 0).state];
  std::vector<Json> rows;
  for (const auto& [name, states] : projects) {
    if (!arguments.is_set("all") && !states.contains("running")) continue;
    bool wanted = true;
    for (const std::string& filter : arguments.all("filter"))
      wanted = wanted && name.find(filter.substr(filter.find('=') + 1)) != std::string::npos;
    if (wanted)
      rows.push_back({{"Name", name}, {"Status", status_text(states)}, {"Namespace", cluster.name_space}});
  }
  std::string format = arguments.text("format", "table");
  if (arguments.is_set("quiet")) {
    for (const Json& row : rows) print_line(string_or(row, "Name"));
  } else if (format == "json") {
    print_line(to_text(Json(rows)));
  } else if (format == "table" || format == "pretty") {
    Table table({"NAME", "STATUS", "NAMESPACE"}, 20);
    for (const Json& row : rows)
      table.add({string_or(row, "Name"), string_or(row, "Status"), string_or(row, "Namespace")});
    print(table.text());
  } else {
    TRY_ASSIGN(std::string text, text_template::render_format(format, rows));
    print(text);
  }
  return 0;
}

}  // namespace stack::cli::cluster
