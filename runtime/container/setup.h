// The state of a container while its first process sets it up. Every path below the root is used through a
// descriptor from open_in_root(); nothing joins strings with the root's path.
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

  // Leaves a descriptor open: all are closed at once, by close_range(2), before the command is executed.
  void keep(Fd fd) { (void)fd.release(); }

  const ContainerPlan& plan;
  ChildStdio stdio;
  int sync;                         // to the launcher
  std::string object;               // what is being worked on, for messages
  Fd root;                          // the root mount
  Fd proc;                          // the procfs that we mounted on the container's /proc
  Fd dev;                           // the container's /dev
  bool fresh_dev = false;           // it is a tmpfs of ours: what is in it we made
  bool in_dev = false;              // the working directory is it
  Fd start_directory;               // with createContainer hooks: their working directory
  Fd terminal_peer;                 // the pty's container side
  std::vector<Fd> read_only_later;  // mounts that become read-only once everything in them is made
  std::string executable;           // resolved path of the command
  std::vector<std::string> notes;
  bool user_namespace = false;
};

// The steps of setting up, in their order (child.cpp). Each is one file.
Result<> set_up_root(Setup& setup);           // root.cpp: propagation, overlay or bind, attached
Result<> set_up_mounts(Setup& setup);         // mounts.cpp
Result<> set_up_devices(Setup& setup);        // devices.cpp
Result<> set_up_terminal(Setup& setup);       // terminal.cpp
Result<> set_up_kernel_values(Setup& setup);  // kernel_values.cpp: host name, sysctls
Result<> hide_paths(Setup& setup);            // paths.cpp: masked and read-only paths
Result<> enter_root(Setup& setup);            // root.cpp: read-only root, pivot_root

}  // namespace stack::runtime
