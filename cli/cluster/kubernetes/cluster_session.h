// The session's cluster and project.
#pragma once

#include <memory>

#include "cli/session/known_clusters.h"
#include "cli/session/session.h"
#include "orchestrator/targets/kubernetes/api/resources.h"

namespace stack::cli::cluster {

struct ClusterSession {
  std::unique_ptr<targets::kubernetes::Connection> connection;
  std::string name_space;
  targets::kubernetes::Resources resources() const { return {*connection, name_space}; }
};
// Reads the kubeconfig files. Connects with the first request.
Result<ClusterSession> connect_cluster(const Session& session);
// How another command finds the same cluster.
KnownCluster known_cluster(const Session& session, const ClusterSession& cluster);

// A pod of the project.
struct ProjectPod {
  Json object;
  std::string service;  // of the container below
  std::string container;
};
// The pods of the services (empty: all), one entry for each container, sorted by name. Unknown services are an error that
// names the known ones.
Result<std::vector<ProjectPod>> project_pods(const ClusterSession& cluster, const std::string& project,
                                             const std::vector<std::string>& services);
// The pod that exec and logs act on: the replica `index` (1-based) of a service, by age; 0: the first that runs.
Result<ProjectPod> find_pod(const ClusterSession& cluster, const std::string& project,
                            const std::string& service, int64_t index);

}  // namespace stack::cli::cluster
