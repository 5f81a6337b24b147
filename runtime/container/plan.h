// One container start as a value: what the launcher and the container's first process work from.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "runtime/cgroups.h"
#include "runtime/overlay.h"
#include "runtime/spec.h"

namespace stack::runtime {

struct ContainerPlan {
  ContainerSpec spec;
  std::string container_id;
  OverlayLayers layers;  // used where lower_dirs is not empty, else spec.root_path
  std::string
      attach_point;  // a directory of the host on which the root is mounted, in the container's own namespace
  std::string seccomp_bpf;
  std::string cgroup_path;
  Cgroups cgroups;  // of this machine; none detected: a container without a group
  int netns_fd = -1;
  std::map<std::string, Fd> mount_sources;  // destination -> detached mount
  int init_fd = -1;                         // program of our init; -1: the command is process 1 itself
  bool hold = false;                        // wait for the start message before the command
  std::vector<int> kept_fds;                // passed through to the command as 3, 4, ...
};

// The container's ends of its standard streams; none of them with a terminal.
struct ChildStdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

}  // namespace stack::runtime
