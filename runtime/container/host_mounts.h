// Mounts that must be made by the launcher: with a user namespace the container's first process has neither
// the host's rights over a source nor, often, a way to its path; and mapping ids takes rights over the
// source's file system.
#pragma once

#include "base/result.h"
#include "runtime/container/plan.h"

namespace stack::runtime {

// Fills plan.root_source and plan.made_mounts as far as plan.spec asks for it.
Result<> make_host_mounts(ContainerPlan& plan);

// A user namespace with these maps, as mount_setattr(2) wants one (MOUNT_ATTR_IDMAP). Nobody lives in it.
Result<Fd> make_user_namespace(const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids);

}  // namespace stack::runtime
