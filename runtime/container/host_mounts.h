// Mounts that the launcher must create: in a user namespace, the container's first process has no host rights over a
// source and often cannot reach its path, and mapping IDs requires rights over the source's file system.
#pragma once

#include "base/result.h"
#include "runtime/container/plan.h"

namespace stack::runtime {

// Sets plan.root_source and plan.made_mounts according to plan.spec.
Result<> make_host_mounts(ContainerPlan& plan);

// An empty user namespace with these maps, for mount_setattr(2) (MOUNT_ATTR_IDMAP).
Result<Fd> make_user_namespace(const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids);

}  // namespace stack::runtime
