// pause: freeze all processes of a container.
#include "runtime/cgroup/cgroups.h"
#include "runtime/oci/command.h"
#include "runtime/oci/state.h"

namespace stack::runtime::oci {

namespace {

Result<int> pause(const GlobalOptions& global, const Arguments& arguments) {
  const std::string& id = arguments.words().front();
  TRY_ASSIGN(FoundContainer container, find_container(global.root, id, true));
  TRY(check_allowed(Operation::Pause, container.status, id));
  if (container.state.cgroup_path.empty())
    return unsupported("pause: container " + id + " was created without a cgroup");
  TRY_ASSIGN(Cgroups cgroups, Cgroups::detect());
  TRY(cgroups.freeze(container.state.cgroup_path));
  return 0;
}

}  // namespace

const Command kPause = {"pause", "ID", "freeze all processes of a container", {}, FlagOrder::Anywhere, 1, 1,
                        false,   pause};

}  // namespace stack::runtime::oci
