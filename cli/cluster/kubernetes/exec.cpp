// stack exec --target kubernetes
#include "orchestrator/targets/kubernetes/api/exec.h"

#include <unistd.h>

#include "cli/cluster/kubernetes/cluster_session.h"
#include "cli/cluster/kubernetes/commands.h"
#include "cli/render/output.h"
#include "cli/session/member.h"

namespace stack::cli::cluster {

namespace kube = targets::kubernetes;

namespace {

constexpr int kExitNoCommand = 127, kExitNotExecutable = 126;

void write_out(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(size));
  }
}

}  // namespace

Result<int> exec_on_kubernetes(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  auto index = arguments.number("index");
  if (!index) return session.usage_error(index.error().text());
  for (const char* flag : {"user", "workdir", "privileged", "detach"})
    if (arguments.given(flag))
      return unsupported("--" + std::string(flag) +
                         " is not supported on kubernetes: a command runs as the container does");
  TRY_ASSIGN(std::string project, session.project_name());
  TRY_ASSIGN(ClusterSession cluster, connect_cluster(session));
  TRY_ASSIGN(ProjectPod pod, find_pod(cluster, project, arguments.words[0], index->value_or(0)));
  bool terminals = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  kube::ExecRequest request;
  request.name_space = cluster.name_space;
  request.pod = string_or(member(pod.object, "metadata"), "name");
  request.container = pod.container;
  // Variables are set by env(1) in the container.
  if (arguments.given("env")) {
    request.command.push_back("env");
    for (const std::string& pair : arguments.all("env")) {
      bool named = pair.find('=') == std::string::npos;
      if (named && !session.environment().contains(pair)) continue;
      request.command.push_back(named ? pair + "=" + setting(session.environment(), pair) : pair);
    }
  }
  request.command.insert(request.command.end(), arguments.words.begin() + 1, arguments.words.end());
  request.terminal = arguments.is_set("tty", true) && !arguments.is_set("no-tty") && terminals;
  request.input = arguments.is_set("interactive", true);
  request.output = write_out;
  std::optional<RawMode> raw;
  if (request.terminal) {
    request.size = []() -> std::optional<std::pair<int, int>> {
      TerminalSize size = terminal_size(STDIN_FILENO);
      return std::pair<int, int>(size.columns, size.rows);
    };
    auto entered = RawMode::enter(STDIN_FILENO);
    if (entered) raw.emplace(std::move(*entered));
  }
  auto code = kube::exec_in_pod(cluster.connection->access(), request);
  raw.reset();
  if (code) return *code;
  print_message("stack: " + code.error().text());
  if (code.error().kind() == ErrorKind::NoCommand) return kExitNoCommand;
  return code.error().kind() == ErrorKind::NotExecutable ? kExitNotExecutable : kExitError;
}

}  // namespace stack::cli::cluster
