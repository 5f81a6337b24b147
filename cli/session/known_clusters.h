// The clusters to which this user has deployed, so that `ls` shows their projects, too. Kept in clusters.json in
// ${XDG_STATE_HOME:-~/.local/state}/stack; credentials are not in it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/session/session.h"

namespace stack::cli {

struct KnownCluster {
  std::string target = {};                            // "kubernetes"
  std::string place = {};                             // for the user: "context kind, namespace shop"
  std::vector<std::string> options = {};              // of the command line, which choose it
  std::map<std::string, std::string> variables = {};  // of the environment, which choose it
  std::set<std::string> projects = {};
};

// Those that still have projects; empty without a file.
Result<std::vector<KnownCluster>> known_clusters(const Environment& environment);

// Records a deployment or a removal. Warns if the file cannot be written, since only `ls` suffers.
void remember_project(const Session& session, const KnownCluster& cluster, const std::string& project);
void forget_project(const Session& session, const KnownCluster& cluster, const std::string& project);

// The projects of a cluster as `ls --target TARGET --format json ARGS...` prints them, by a process of stack-cluster. An
// error after a few seconds without an answer. Blocks.
Result<Json> projects_of_cluster(const KnownCluster& cluster, const Environment& environment,
                                 const std::vector<std::string>& args);

}  // namespace stack::cli
