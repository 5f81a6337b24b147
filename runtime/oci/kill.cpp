// kill: sends a signal to a container's first process, or to all processes.
#include <signal.h>

#include "base/process.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/oci/command.h"
#include "runtime/oci/signal_name.h"
#include "runtime/oci/state.h"

namespace stack::runtime::oci {

namespace {

constexpr Flag kKillFlags[] = {
    {"all", 'a', FlagKind::Switch, "", "signal every process of the container"},
    {"regex", 'r', FlagKind::Switch, "", "not supported"},
};

Result<> signal_all(const OciState& state, int signal) {
  if (state.cgroup_path.empty())
    return unsupported("kill --all: container " + state.id + " was created without a cgroup");
  TRY_ASSIGN(Cgroups cgroups, Cgroups::detect());
  if (signal == SIGKILL) return cgroups.kill_all(state.cgroup_path);
  TRY_ASSIGN(std::vector<pid_t> processes, cgroups.pids(state.cgroup_path));
  for (pid_t pid : processes) {
    Result<Fd> pidfd = open_pidfd(pid);
    if (pidfd) TRY(signal_pidfd(pidfd->get(), signal));
  }
  return {};
}

Result<int> kill(const GlobalOptions& global, const Arguments& arguments) {
  const std::string& id = arguments.words().front();
  if (arguments.is_set("regex")) return unsupported("kill --regex");
  std::string name = arguments.words().size() > 1 ? arguments.words()[1] : "TERM";
  std::optional<int> signal = parse_signal(name);
  if (!signal) return invalid("unknown signal \"" + name + "\"");
  TRY_ASSIGN(FoundContainer container, find_container(global.root, id));
  // Without a PID namespace, other processes may outlive the first one.
  if (arguments.is_set("all") && container.status == Status::Stopped) {
    if (!container.state.cgroup_path.empty()) TRY(signal_all(container.state, *signal));
    return 0;
  }
  TRY(check_allowed(Operation::Kill, container.status, id));
  if (arguments.is_set("all")) {
    TRY(signal_all(container.state, *signal));
    return 0;
  }
  TRY_ASSIGN(Fd process, open_container_process(container.state));
  TRY(signal_pidfd(process.get(), *signal));
  return 0;
}

}  // namespace

const Command kKill = {"kill",
                       "[flags] ID [SIGNAL]",
                       "send a signal (default: TERM)",
                       kKillFlags,
                       FlagOrder::Anywhere,
                       1,
                       2,
                       false,
                       kill};

}  // namespace stack::runtime::oci
