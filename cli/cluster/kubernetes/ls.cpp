// stack ls --target kubernetes
#include "cli/cluster/kubernetes/cluster_session.h"
#include "cli/cluster/kubernetes/commands.h"
#include "cli/cluster/project_list.h"
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

}  // namespace

Result<int> ls_on_kubernetes(Session& session, const Arguments& arguments) {
  if (std::optional<int> code = refuse_project_filters(session, arguments)) return *code;
  TRY_ASSIGN(ClusterSession cluster, connect_cluster(session));
  TRY_ASSIGN(std::vector<Json> inventories, labeled(cluster, "Secret"));
  TRY_ASSIGN(std::vector<Json> pods, labeled(cluster, "Pod"));
  ProjectStates projects;
  for (const Json& inventory : inventories)
    if (string_or(inventory, "type") == "stack/inventory") projects[project_of(inventory)];
  for (const Json& pod : pods) ++projects[project_of(pod)][kube::pod_row(pod, 0).state];
  return print_projects(arguments, projects, "Namespace", cluster.name_space);
}

}  // namespace stack::cli::cluster
