// A container's files as the container sees them, opened from the host: for copying in and out.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime {

// A root directory, volumes and all mounted on it. Paths below it are hostile and are opened with
// open_in_root() alone. The mounts live as long as this object.
struct ContainerFiles {
  Fd root;             // O_PATH
  Fd mount_namespace;  // keeps the mounts of a stopped container's view; none for a running one
};

// Of a running container: the root of its first process, in its own mount namespace, so that tmpfs and
// everything it mounted itself is there. NotFound where the process has ended.
Result<ContainerFiles> open_running_files(int pidfd, pid_t pid);

struct FilesMount {
  std::string source;       // host path
  std::string subpath;      // below it, resolved inside it; "" = itself
  std::string destination;  // in the container
  bool read_only = false;
};

struct StoppedFiles {
  std::vector<std::string> lower_dirs;  // topmost first
  std::string upper_dir;
  std::string work_dir;
  std::string attach_point;  // an existing directory that the overlay covers, there
  bool read_only = false;    // the root; mounts say it for themselves
  std::vector<FilesMount> mounts;
};

// Of a stopped one: its overlay, with its volumes and bind mounts, in a mount namespace of nobody's. Mount
// points that are missing are made, as a start would.
Result<ContainerFiles> open_stopped_files(const StoppedFiles& stopped);

}  // namespace stack::runtime
