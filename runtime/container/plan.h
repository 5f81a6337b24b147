// The description of one container start, used by the launcher and the container's first process.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/container/hooks.h"
#include "runtime/rootfs/overlay.h"
#include "runtime/spec/spec.h"

namespace stack::runtime {

// A compiled filter and the flags for seccomp(2).
struct SeccompProgram {
  std::string bpf;        // array of sock_filter; empty: no filter
  unsigned flags = 0;     // SECCOMP_FILTER_FLAG_*
  bool notifies = false;  // its listener is reported to the launcher (ReportKind::SeccompListener)
};

struct ContainerPlan {
  OciSpec spec;
  std::string container_id;
  OverlayLayers layers;  // used if lower_dirs is not empty, otherwise spec.root_path
  // A directory of the host on which the root is mounted, in the container's own namespace.
  std::string attach_point;
  SeccompProgram seccomp;
  std::string cgroup_path;
  Cgroups cgroups;  // of this machine; empty: a container without a cgroup
  int netns_fd = -1;
  std::map<std::string, Fd> mount_sources;  // destination -> detached mount
  // Created while we still have the host's rights and paths: the root, and mounts by their index in spec.mounts.
  Fd root_source;
  std::map<size_t, Fd> made_mounts;
  int init_fd = -1;   // the init program; -1: the command is process 1
  bool hold = false;  // wait for the start message before the command
  // For a container that outlives the launcher: it waits at this listening socket for the process that starts it, and sends
  // its reports there. With `hold`.
  int start_listener = -1;
  HookState hook_state;
  bool no_pivot = false;    // move the root instead, because pivot_root(2) does not work on a ramdisk
  bool new_keyring = true;  // create a new session keyring
  int kept_fds = 0;         // 3, 4, ... stay open for the command
};

// The container's ends of its standard streams; empty with a terminal.
struct ChildStdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

}  // namespace stack::runtime
