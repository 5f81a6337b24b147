// The cgroup above those of all containers and build steps.
#pragma once

#include "engine/state/context.h"
#include "runtime/cgroup/cgroups.h"

namespace stack::engine {

// Removes the empty parent cgroup once nothing runs.
void remove_unused_cgroup_parent(const Context& context, const runtime::Cgroups& cgroups);

}  // namespace stack::engine
