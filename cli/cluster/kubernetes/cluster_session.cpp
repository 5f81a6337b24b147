#include "cli/cluster/kubernetes/cluster_session.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "cli/session/member.h"
#include "orchestrator/targets/kubernetes/api/workload_state.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::cli::cluster {

namespace kube = targets::kubernetes;

Result<ClusterSession> connect_cluster(const Session& session) {
  const ClusterOptions& options = session.globals().cluster;
  kube::AccessRequest request;
  request.files = options.kubeconfig;
  request.context = options.context;
  request.home = setting(session.environment(), "HOME");
  request.environment = session.environment();
  request.current_directory = session.current_directory();
  TRY_ASSIGN(kube::Access access, kube::find_access(request));
  ClusterSession out;
  out.name_space = options.name_space.empty() ? access.name_space : options.name_space;
  out.connection = std::make_unique<kube::Connection>(std::move(access));
  return out;
}

KnownCluster known_cluster(const Session& session, const ClusterSession& cluster) {
  const std::string& context = cluster.connection->access().context;
  KnownCluster out;
  out.target = "kubernetes";
  out.place = "context " + context + ", namespace " + cluster.name_space;
  out.options = {"--namespace", cluster.name_space};
  if (context == kube::kInCluster) return out;
  std::vector<std::string> files;
  for (const std::string& file : split(session.globals().cluster.kubeconfig, ':'))
    if (!file.empty()) files.push_back(absolute_path(session.current_directory(), file));
  if (files.empty()) files.push_back(setting(session.environment(), "HOME") + "/.kube/config");
  out.options.insert(out.options.end(), {"--context", context, "--kubeconfig", join(files, ":")});
  return out;
}

Result<std::vector<ProjectPod>> project_pods(const ClusterSession& cluster, const std::string& project,
                                             const std::vector<std::string>& services) {
  kube::ApiResult<std::vector<Json>> pods = cluster.resources().list("Pod", project);
  if (!pods) return to_error(pods.error(), cluster.connection->access());
  std::vector<std::string> wanted;
  for (const std::string& service : services) wanted.push_back(kube::object_name(service));
  std::vector<ProjectPod> out;
  std::vector<std::string> known;
  for (const Json& pod : *pods) {
    kube::PodRow row = kube::pod_row(pod, 0);
    for (const std::string& container : row.containers) {
      known.push_back(container);
      if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), container) == wanted.end()) continue;
      out.push_back({pod, container, container});
    }
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (std::find(known.begin(), known.end(), wanted[i]) != known.end()) continue;
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    return not_found("project " + project + " has no pod of service " + services[i] + " in namespace " +
                     cluster.name_space + (known.empty() ? "" : "; it has " + join(known, ", ")));
  }
  auto created = [](const ProjectPod& pod) {
    const Json& metadata = member(pod.object, "metadata");
    return std::make_tuple(pod.service, string_or(metadata, "creationTimestamp"),
                           string_or(metadata, "name"));
  };
  std::stable_sort(out.begin(), out.end(), [&](const ProjectPod& left, const ProjectPod& right) {
    return created(left) < created(right);
  });
  return out;
}

Result<ProjectPod> find_pod(const ClusterSession& cluster, const std::string& project,
                            const std::string& service, int64_t index) {
  TRY_ASSIGN(std::vector<ProjectPod> pods, project_pods(cluster, project, {service}));
  if (index > 0) {
    if (static_cast<size_t>(index) > pods.size())
      return not_found("service " + service + " has " + std::to_string(pods.size()) + " pods");
    return pods[static_cast<size_t>(index) - 1];
  }
  for (const ProjectPod& pod : pods)
    if (kube::pod_row(pod.object, 0).state == "running") return pod;
  return not_found("no pod of service " + service +
                   " is running: " + kube::pod_row(pods[0].object, 0).status);
}

}  // namespace stack::cli::cluster
