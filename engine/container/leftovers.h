// What containers and build steps leave in the roots, in the cgroups and among the processes, compared with
// who owns it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/state/paths.h"
#include "runtime/cgroup/cgroups.h"

namespace stack::engine {

// By id.
struct Owners {
  std::set<std::string> containers;  // with a record, readable or not
  std::set<std::string> alive;       // those with a process
  std::set<std::string> unreadable;  // whose record cannot be read: nothing of theirs is a leftover
  std::set<std::string> steps;       // build steps under way
};

enum class LeftoverKind {
  Step,         // of a build whose engine was killed: its processes and folders
  Cgroup,       // of a container that has ended, or empty
  RunFolder,    // of a container that is gone
  EmptyFolder,  // of a container that is gone
  GoneFolder,   // of a container whose removal was begun
  Unknown,      // data or processes of a container without any record. Never removed by itself: a record was
                // lost, and what it spoke of may be the only copy
};

struct Leftover {
  LeftoverKind kind = LeftoverKind::Unknown;
  std::string id;
  std::string text;  // "cgroup /stack/3f2a...", "container 3f2a... runs without a record (process 712)"
};

// Blocks for some milliseconds: /proc, the cgroup tree and the roots are read.
std::vector<Leftover> find_leftovers(const Paths& paths, const runtime::Cgroups& cgroups,
                                     const Owners& owners);
// Ends processes, removes cgroups and folders of one; with `Unknown` its data as well. Blocks.
Result<> remove_leftover(const Paths& paths, const runtime::Cgroups& cgroups, const Leftover& leftover);

// Removes <root>/containers/<id>, the record in it at once, the rest as quickly as the disk allows. Blocks.
Result<> remove_container_folder(const Paths& paths, const std::string& id);

// The build steps of an engine that was killed; before anything is done with the layers they write to.
void end_orphaned_steps(const Paths& paths, const runtime::Cgroups& cgroups);

}  // namespace stack::engine
