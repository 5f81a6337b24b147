// One container start as a value: what the launcher and the container's first process work from.
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

// A compiled filter and how seccomp(2) is to take it.
struct SeccompProgram {
  std::string bpf;        // array of sock_filter; empty: no filter
  unsigned flags = 0;     // SECCOMP_FILTER_FLAG_*
  bool notifies = false;  // its listener is reported to the launcher (ReportKind::SeccompListener)
};

struct ContainerPlan {
  OciSpec spec;
  std::string container_id;
  OverlayLayers layers;  // used where lower_dirs is not empty, else spec.root_path
  std::string
      attach_point;  // a directory of the host on which the root is mounted, in the container's own namespace
  SeccompProgram seccomp;
  std::string cgroup_path;
  Cgroups cgroups;  // of this machine; none detected: a container without a group
  int netns_fd = -1;
  std::map<std::string, Fd> mount_sources;  // destination -> detached mount
  // Made while the rights and paths of the host are still ours: the root, and mounts by their place in
  // spec.mounts.
  Fd root_source;
  std::map<size_t, Fd> made_mounts;
  int init_fd = -1;   // program of our init; -1: the command is process 1 itself
  bool hold = false;  // wait for the start message before the command
  // The container outlives the launcher: it waits at this listening socket for who tells it to start, and
  // reports to them. With `hold`.
  int start_listener = -1;
  HookState hook_state;
  bool no_pivot = false;    // move the root instead: a ramdisk cannot be pivoted away from
  bool new_keyring = true;  // a session keyring of its own
  int kept_fds = 0;         // 3, 4, ... stay open for the command
};

// The container's ends of its standard streams; none of them with a terminal.
struct ChildStdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

}  // namespace stack::runtime
