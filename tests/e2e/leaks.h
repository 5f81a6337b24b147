// A snapshot of machine state that a scenario might leave behind.
#pragma once

#include <set>
#include <string>

#include "stack_command.h"

namespace stack::e2e {

struct Snapshot {
  std::set<std::string> mounts;  // /proc/self/mountinfo: mount point, type, source
  std::set<std::string> links;   // /proc/net/dev
  std::string firewall;          // nft list ruleset
  std::set<std::string>
      processes;  // "pid command line" of all processes in our PID namespace except kernel threads and zombies
  std::set<std::string> shared;  // names in /dev/shm
  std::set<std::string> rules;   // ip rule, ip route of the main table
};

Snapshot take_snapshot();

// One line per difference; "" if there is none. `ignore`: processes that may differ.
std::string difference(const Snapshot& before, const Snapshot& after);

// The remains of projects in a running engine after `down`: containers, networks, and journal rows in the state
// file, namespaces among its open files, monitors, cgroups of containers, folders. "" if there are none.
std::string left_in_engine(const StackRoot& stack);

// The remains in the roots after the engine has ended, except images, caches, the state file, and logs.
std::string left_on_disk(const StackRoot& stack);

// The cgroups of this root's containers and builds, and their parent.
std::set<std::string> cgroups_of(const StackRoot& stack);

// Removes empty cgroups that the engine left, after they are reported, because the machine is shared.
void remove_cgroups(const StackRoot& stack);

}  // namespace stack::e2e
