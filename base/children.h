// Distinguishes children spawned by this process from inherited ones. A subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)) also
// gets orphans, which must be reaped as well: in a PID namespace, a zombie prevents its container from exiting.
#pragma once

#include <sys/types.h>

#include <functional>

namespace stack {

// Calls `spawn`, which returns a PID or a negative number, and records the child.
pid_t spawn_noted(const std::function<pid_t()>& spawn);
// Reaps a child that was spawned here and has exited.
void reap_child(pid_t pid);
// Drops the record of a child that has been reaped.
void forget_child(pid_t pid);
// Reaps all exited children that were not spawned here. Returns their number.
int reap_inherited_children();

}  // namespace stack
