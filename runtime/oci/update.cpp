// update: changes the limits of a container.
#include "base/files.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/oci/command.h"
#include "runtime/oci/state.h"
#include "runtime/oci/systemd_scope.h"
#include "runtime/oci/update_resources.h"

namespace stack::runtime::oci {

namespace {

Result<int> update(const GlobalOptions& global, const Arguments& arguments) {
  const std::string& id = arguments.words().front();
  TRY_ASSIGN(FoundContainer container, find_container(global.root, id, true));
  TRY(check_allowed(Operation::Update, container.status, id));
  if (container.state.cgroup_path.empty())
    return unsupported("update: container " + id + " was created without a cgroup");
  TRY_ASSIGN(Json resources, update_resources(arguments));
  TRY_ASSIGN(Cgroups cgroups, Cgroups::detect());
  // Updates systemd first; otherwise it would restore the old limits the next time it handles the unit. The control
  // files then get the limits that it does not support or rounds.
  if (!container.state.scope.empty()) {
    TRY_ASSIGN(std::vector<UnitProperty> limits,
               limit_properties(resources, cgroups.mode() == CgroupMode::V2));
    TRY(set_scope_properties(container.state.scope, limits));
  }
  TRY(cgroups.update(container.state.cgroup_path, resources));
  return 0;
}

}  // namespace

const Command kUpdate = {
    "update", "[flags] ID", "change the limits of a container", update_flags(), FlagOrder::Anywhere, 1, 1,
    false,    update};

}  // namespace stack::runtime::oci
