// Finds leftovers of containers and build steps in the roots, the cgroups, and the process list, by comparing them with
// the owners.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/state/paths.h"
#include "runtime/cgroup/cgroups.h"

namespace stack::engine {

// IDs as texts, because they are compared with names in folders, cgroups, and command lines.
struct Owners {
  std::set<std::string> containers;  // containers with a record, readable or not
  std::set<std::string> alive;       // containers with a process
  std::set<std::string> unreadable;  // containers with an unreadable record, which have no leftovers
  std::set<std::string> steps;       // running build steps
};

enum class LeftoverKind {
  Step,         // processes and folders of a build whose engine was killed
  Cgroup,       // cgroup of an exited container, or an empty cgroup
  RunFolder,    // of a container that is gone
  EmptyFolder,  // of a container that is gone
  GoneFolder,   // folder of a container whose removal had started
  Unknown,  // data or processes of a container without a record. Never removed automatically: a record was lost,
            // and the data may be the only copy
};

struct Leftover {
  LeftoverKind kind = LeftoverKind::Unknown;
  std::string id;
  bool is_monitor = false;  // Unknown: only a monitor is known of it
  std::string text;  // "cgroup /stack/3f2a...", "container 3f2a... runs without a record (process 712)"
};

// Blocks for some milliseconds: reads /proc, the cgroup tree, and the roots.
std::vector<Leftover> find_leftovers(const Paths& paths, const runtime::Cgroups& cgroups,
                                     const Owners& owners);
// Kills the processes and removes the cgroups and folders of a leftover; for `Unknown` also its data. Blocks.
Result<> remove_leftover(const Paths& paths, const runtime::Cgroups& cgroups, const Leftover& leftover);

// Removes <root>/containers/<id>, starting with the record. Blocks.
Result<> remove_container_folder(const Paths& paths, const ContainerId& id);

// Ends build steps of a killed engine. Call before using the layers they write to.
void end_orphaned_steps(const Paths& paths, const runtime::Cgroups& cgroups);

}  // namespace stack::engine
