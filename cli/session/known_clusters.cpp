#include "cli/session/known_clusters.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/render/output.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kAnswerLimit{4000};
constexpr size_t kAnswerSize = size_t{8} << 20;

// "" if the user has no home.
std::string state_folder(const Environment& environment) {
  std::string base = setting(environment, "XDG_STATE_HOME");
  std::string home = setting(environment, "HOME");
  if (base.empty() && !home.empty()) base = home + "/.local/state";
  return base.empty() ? "" : base + "/stack";
}

KnownCluster cluster_of(const Json& entry) {
  KnownCluster out;
  out.target = string_or(entry, "target");
  out.place = string_or(entry, "place");
  out.options = strings_of(member(entry, "options"));
  const Json& variables = member(entry, "variables");
  if (variables.is_object())
    for (const auto& [name, value] : variables.items())
      if (value.is_string()) out.variables[name] = value.get<std::string>();
  for (const std::string& project : strings_of(member(entry, "projects"))) out.projects.insert(project);
  return out;
}

Json json_of(const KnownCluster& cluster) {
  return {{"target", cluster.target},
          {"place", cluster.place},
          {"options", cluster.options},
          {"variables", cluster.variables},
          {"projects", cluster.projects}};
}

Result<std::vector<KnownCluster>> read_clusters(const std::string& file) {
  std::vector<KnownCluster> out;
  auto text = read_file(file);
  if (!text && text.error().code() == ENOENT) return out;
  if (!text) return std::move(text).error();
  TRY_ASSIGN(Json list, parse_json(*text).in(file));
  for (const Json& entry : items_of(list)) out.push_back(cluster_of(entry));
  return out;
}

bool same_place(const KnownCluster& left, const KnownCluster& right) {
  return left.target == right.target && left.options == right.options && left.variables == right.variables;
}

Result<> change_projects(const Environment& environment, const KnownCluster& cluster,
                         const std::function<void(std::set<std::string>& projects)>& change) {
  std::string folder = state_folder(environment);
  if (folder.empty()) return {};
  TRY(ensure_directory(folder, 0700));
  TRY_ASSIGN(FileLock lock, FileLock::acquire(folder + "/clusters.lock"));
  std::string file = folder + "/clusters.json";
  TRY_ASSIGN(std::vector<KnownCluster> clusters, read_clusters(file));
  auto found = std::find_if(clusters.begin(), clusters.end(),
                            [&](const KnownCluster& one) { return same_place(one, cluster); });
  if (found == clusters.end()) found = clusters.insert(clusters.end(), cluster);
  found->place = cluster.place;
  change(found->projects);
  Json list = Json::array();
  for (const KnownCluster& one : clusters)
    if (!one.projects.empty()) list.push_back(json_of(one));
  return write_file_atomic(file, list.dump(2) + "\n", 0600);
}

void change_or_warn(const Session& session, const KnownCluster& cluster,
                    const std::function<void(std::set<std::string>& projects)>& change) {
  auto changed = change_projects(session.environment(), cluster, change);
  if (!changed)
    print_message(paint("warning:", Color::Yellow, session.err().color) +
                  " `stack ls` will not know this cluster: " + changed.error().text());
}

// What a process writes until it ends; a timeout if it takes too long.
Result<std::string> read_until_end(int fd) {
  auto limit = steady_clock::now() + kAnswerLimit;
  std::string out;
  char buffer[16384];
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - steady_clock::now()).count();
    pollfd waiting{fd, POLLIN, 0};
    int ready = left > 0 ? ::poll(&waiting, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0)
      return Error(ErrorKind::Timeout,
                   "no answer within " + std::to_string(kAnswerLimit.count() / 1000) + " seconds");
    ssize_t size = ready < 0 ? -1 : ::read(fd, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error::last_errno("read the answer of stack-cluster");
    if (size == 0) return out;
    out.append(buffer, static_cast<size_t>(size));
    if (out.size() > kAnswerSize) return invalid("the answer of stack-cluster is too large");
  }
}

SpawnRequest listing_request(const KnownCluster& cluster, const Environment& environment,
                             const std::vector<std::string>& args) {
  SpawnRequest request;
  request.program = find_program("stack-cluster");
  request.args = {"--target", cluster.target};
  request.args.insert(request.args.end(), cluster.options.begin(), cluster.options.end());
  request.args.insert(request.args.end(), {"--ansi", "never", "ls", "--format", "json"});
  request.args.insert(request.args.end(), args.begin(), args.end());
  Environment variables = environment;
  // They would choose another cluster.
  for (const char* name : {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY",
                           "DOCKER_CERT_PATH", "DOCKER_CONFIG", "STACK_HOST", "KUBECONFIG"})
    variables.erase(name);
  for (const auto& [name, value] : cluster.variables) variables[name] = value;
  for (const auto& [name, value] : variables) request.env.push_back(name + "=" + value);
  request.replace_env = true;
  request.new_session = true;
  return request;
}

}  // namespace

Result<std::vector<KnownCluster>> known_clusters(const Environment& environment) {
  std::string folder = state_folder(environment);
  if (folder.empty()) return std::vector<KnownCluster>();
  return read_clusters(folder + "/clusters.json");
}

void remember_project(const Session& session, const KnownCluster& cluster, const std::string& project) {
  change_or_warn(session, cluster, [&](std::set<std::string>& projects) { projects.insert(project); });
}

void forget_project(const Session& session, const KnownCluster& cluster, const std::string& project) {
  change_or_warn(session, cluster, [&](std::set<std::string>& projects) { projects.erase(project); });
}

Result<Json> projects_of_cluster(const KnownCluster& cluster, const Environment& environment,
                                 const std::vector<std::string>& args) {
  SpawnRequest request = listing_request(cluster, environment, args);
  TRY_ASSIGN(Pipe pipe, make_pipe());
  TRY_ASSIGN(Fd nothing, open_file("/dev/null", O_RDONLY));
  request.fds = {{0, nothing.get()}, {1, pipe.write.get()}, {2, pipe.write.get()}};
  TRY_ASSIGN(pid_t pid, spawn(request));
  pipe.write.reset();
  auto answer = read_until_end(pipe.read.get());
  // It has a session of its own, with the programs that it started for credentials or ssh.
  if (!answer) ::kill(-pid, SIGKILL);
  TRY_ASSIGN(int status, wait_for(pid));
  if (!answer) return std::move(answer).error();
  if (exit_code_of(status) == 0) return parse_json(*answer);
  std::string text(trim(*answer));
  constexpr std::string_view kPrefix = "stack: ";
  return Error(text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : text);
}

}  // namespace stack::cli
