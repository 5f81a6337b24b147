// Putting files of the host into a running container and removing files from it: what `stack watch` does.
#pragma once

#include <string>
#include <vector>

#include "base/async.h"
#include "engine/container/container.h"
#include "engine/state/context.h"

namespace stack::engine {

struct SyncRequest {
  struct Copy {
    std::string source;  // absolute host path of a file, link or directory (without what is in it)
    std::string target;  // absolute path in the container
  };
  std::vector<Copy> copies;
  std::vector<std::string> removals;  // absolute paths in the container, with all below them
};

// In the container's own view: volumes and binds are written through. Paths are resolved below its root only.
// Files appear whole, under their name at once, unless they are mounts of their own. A file that replaces
// another keeps its owner; a new one has the owner of the directory it is put into. A source that has gone in
// the meantime is left out; a removal of what is not there succeeds. Stops at the first error. Conflict where
// the container does not run. Gives the number of files written and removed.
Task<Result<int>> sync_into(Context& context, ContainerPtr container, SyncRequest request);

}  // namespace stack::engine
