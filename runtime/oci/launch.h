// Creates a container, from the bundle to a first process that is set up. Shared by `create` and `run`.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/oci/command.h"
#include "runtime/oci/state.h"
#include "runtime/spec/spec.h"

namespace stack::runtime::oci {

// Flags of all commands that start a process: create, run, exec.
constexpr std::array<Flag, 4> kProcessFlags{{
    {"pid-file", 0, FlagKind::Text, "FILE", "write the PID of the process to a file"},
    {"console-socket", 0, FlagKind::Text, "PATH", "send the terminal to a Unix socket"},
    {"preserve-fds", 0, FlagKind::Text, "N", "leave descriptors 3 to 2+N open for the command"},
    {"no-subreaper", 0, FlagKind::Switch, "", "ignored; there is no subreaper"},
}};

// Flags shared by create and run; read_launch_settings() reads them.
constexpr std::array<Flag, 8> kLaunchFlags = joined(
    std::array<Flag, 4>{{
        {"bundle", 'b', FlagKind::Text, "DIR",
         "bundle with config.json and the root (default: current directory)"},
        {"config", 'f', FlagKind::Text, "FILE", "configuration to use instead of the bundle's config.json"},
        {"no-pivot", 0, FlagKind::Switch, "", "move the root instead of pivot_root(2), for ramdisks"},
        {"no-new-keyring", 0, FlagKind::Switch, "", "keep the caller's session keyring"},
    }},
    kProcessFlags);

// A flag shared by run and exec.
constexpr Flag kDetachFlag{"detach", 'd', FlagKind::Switch, "", "return once the command is running"};

struct LaunchSettings {
  std::string id;
  std::string bundle;          // directory; relative to our working directory
  std::string config_file;     // "": config.json in the bundle
  std::string pid_file;        // "": none
  std::string console_socket;  // "": none
  int preserve_fds = 0;        // number of descriptors 3, 4, ... in addition to those of LISTEN_FDS
  bool no_pivot = false;
  bool no_new_keyring = false;
  bool wait_for_start = false;  // create: the process waits for `start`; otherwise the command runs on return
  bool keep_terminal = false;   // we keep the pty's master if there is no console socket
};

struct LaunchedContainer {
  StateDirectory directory;
  OciState state;
  OciSpec spec;
  Cgroups cgroups;  // of this machine
  Fd pidfd;         // of our child
  Fd terminal;      // with keep_terminal
  Fd notify;        // bound to the container's NOTIFY_SOCKET; none if we have no such socket
};

// All or nothing: a failure leaves no process, cgroup, or state behind. NoCommand and NotExecutable if the command
// itself is the reason.
Result<LaunchedContainer> launch_container(const GlobalOptions& global, const LaunchSettings& settings);

// The flags that create and run share, as settings.
Result<LaunchSettings> read_launch_settings(const Arguments& arguments);

// Facts that the caller of destroy_container() already knows; the others are looked up.
struct KnownContainer {
  const OciSpec* spec = nullptr;
  const Cgroups* cgroups = nullptr;
  bool ended = false;  // its first process has been reaped
};

// Removes a container's processes, cgroup, and state, then runs its poststop hooks, whose failures are only logged.
// The container must be locked.
Result<> destroy_container(StateDirectory& directory, const OciState& state,
                           const KnownContainer& known = {});

}  // namespace stack::runtime::oci
