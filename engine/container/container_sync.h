// Copies host files into a container, running or not, and removes files from it, for `stack watch`.
#pragma once

#include <string>
#include <vector>

#include "base/async.h"
#include "engine/container/container_service.h"

namespace stack::engine {

struct SyncRequest {
  struct Copy {
    std::string source;  // absolute host path of a file, link, or directory (without its contents)
    std::string target;  // absolute path in the container
  };
  std::vector<Copy> copies;
  std::vector<std::string> removals;  // absolute paths in the container, removed recursively
};

// Works in the container's view, so volumes and binds are written through. Paths resolve only below its root. Files
// appear atomically, unless they are mount points. A replaced file keeps its owner; a new file gets the owner of its
// directory. A source that no longer exists is skipped; the removal of a missing path succeeds. Stops at the first error.
// Returns the number of files written and removed.
Task<Result<int>> sync_into(ContainerService& containers, ContainerPtr container, SyncRequest request);

}  // namespace stack::engine
