#include "engine/container/cgroup_parent.h"

#include <unistd.h>

#include <algorithm>

namespace stack::engine {

// A launch has a ContainerRun, or counts as a build step, before its cgroup is created, so there is no race.
void remove_unused_cgroup_parent(const Context& context, const runtime::Cgroups& cgroups) {
  bool used = !context.build_steps.empty() ||
              std::any_of(context.containers.begin(), context.containers.end(),
                          [](const auto& entry) { return entry.second->run != nullptr; });
  if (used) return;
  for (const runtime::Cgroups::Hierarchy& hierarchy : cgroups.hierarchies())
    (void)::rmdir((hierarchy.mount_point + hierarchy.root + context.paths.cgroup_parent()).c_str());
}

}  // namespace stack::engine
