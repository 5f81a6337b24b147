// A container's files as the container sees them, opened from the host, for copying files.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime {

// A root directory with volumes and other mounts. Paths below it are untrusted and must be opened with open_in_root(). The
// mounts exist as long as this object.
struct ContainerFiles {
  Fd root;             // O_PATH
  Fd mount_namespace;  // keeps the mounts of a stopped container's view; none for a running one
};

// The files of a running container: the root of its first process in its mount namespace, including tmpfs and mounts made
// by the container. NotFound if the process has exited.
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
  std::string attach_point;  // an existing directory that the overlay covers
  bool read_only = false;    // applies to the root; mounts have their own setting
  std::vector<FilesMount> mounts;
};

// The files of a stopped container: its overlay with volumes and bind mounts, in a private mount namespace. Creates missing
// mount points, like a start.
Result<ContainerFiles> open_stopped_files(const StoppedFiles& stopped);

}  // namespace stack::runtime
