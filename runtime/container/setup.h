// The state of a container while its first process sets it up. Every path below the root is accessed through a descriptor
// from open_in_root(), never by joining strings with the root's path.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/container/plan.h"

namespace stack::runtime {

struct Setup {
  Setup(const ContainerPlan& of, ChildStdio streams, int launcher)
      : plan(of), stdio(streams), sync(launcher) {}

  // Leaves a descriptor open; close_range(2) closes all descriptors before the command is executed.
  void keep(Fd fd) { (void)fd.release(); }

  const ContainerPlan& plan;
  ChildStdio stdio;
  int sync;                         // to the launcher
  std::string object;               // current object, for messages
  Fd root;                          // the root mount
  Fd proc;                          // the procfs that we mounted on the container's /proc
  Fd dev;                           // the container's /dev
  bool fresh_dev = false;           // /dev is our own tmpfs, so we created everything in it
  bool in_dev = false;              // the working directory is /dev
  Fd start_directory;               // with createContainer hooks: their working directory
  Fd terminal_peer;                 // the pty's container side
  std::vector<Fd> read_only_later;  // mounts that become read-only at the end
  std::string executable;           // resolved path of the command
  std::vector<std::string> notes;
  bool user_namespace = false;
};

// The setup steps in order (child.cpp), one file each.
Result<> set_up_root(Setup& setup);           // root.cpp: propagation, overlay or bind, attached
Result<> set_up_mounts(Setup& setup);         // mounts.cpp
Result<> set_up_devices(Setup& setup);        // devices.cpp
Result<> set_up_terminal(Setup& setup);       // terminal.cpp
Result<> set_up_kernel_values(Setup& setup);  // kernel_values.cpp: host name, sysctls
Result<> hide_paths(Setup& setup);            // paths.cpp: masked and read-only paths
Result<> enter_root(Setup& setup);            // root.cpp: read-only root, pivot_root

}  // namespace stack::runtime
