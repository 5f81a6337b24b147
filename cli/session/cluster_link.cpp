#include "cli/session/cluster_link.h"

#include <unistd.h>

#include <algorithm>

#include "base/process.h"
#include "cli/session/engine_start.h"

namespace stack::cli {

namespace {

constexpr std::string_view kClusterCommands[] = {"deploy", "convert", "plan", "ps", "logs",
                                                 "exec",   "port",    "down", "ls"};

bool supports_clusters(std::string_view command) {
  return std::find(std::begin(kClusterCommands), std::end(kClusterCommands), command) !=
         std::end(kClusterCommands);
}

}  // namespace

Result<targets::TargetName> choose_target(const Session& session) {
  const ClusterOptions& cluster = session.globals().cluster;
  bool supported = supports_clusters(session.command().name);
  if (!supported && !cluster.given) return targets::TargetName::Local;
  std::string name = cluster.target;
  if (name.empty() && !cluster.given) {
    bool file_is_read = !session.globals().project_name || !session.globals().files.empty();
    if (file_is_read) name = compose::load_target(session.load_options());
  }
  TRY_ASSIGN(targets::TargetName target, targets::parse_target(name));
  if (target != targets::TargetName::Local && !supported)
    return unsupported("`" + std::string(session.command().name) + "` does not support the target " +
                       std::string(targets::to_text(target)) +
                       "; `deploy`, `convert`, `plan`, `ps`, `logs`, " +
                       "`exec`, `port`, `down`, and `ls` do");
  return target;
}

Error run_cluster_program(const std::vector<std::string>& words) {
  std::string program = find_program("stack-cluster");
  std::vector<char*> arguments = argument_pointers(words);
  ::execvp(program.c_str(), arguments.data());
  return Error::last_errno("the program for clusters, stack-cluster, cannot be started");
}

}  // namespace stack::cli
