// resume: thaw all processes of a container.
#include "runtime/cgroup/cgroups.h"
#include "runtime/oci/command.h"
#include "runtime/oci/state.h"

namespace stack::runtime::oci {

namespace {

Result<int> resume(const GlobalOptions& global, const Arguments& arguments) {
  const std::string& id = arguments.words().front();
  TRY_ASSIGN(FoundContainer container, find_container(global.root, id, true));
  TRY(check_allowed(Operation::Resume, container.status, id));
  if (container.state.cgroup_path.empty())
    return unsupported("resume: container " + id + " was created without a cgroup");
  TRY_ASSIGN(Cgroups cgroups, Cgroups::detect());
  TRY(cgroups.thaw(container.state.cgroup_path));
  return 0;
}

}  // namespace

const Command kResume = {"resume", "ID",  "resume a paused container", {}, FlagOrder::Anywhere, 1, 1,
                         false,    resume};

}  // namespace stack::runtime::oci
