// Which children of this process it spawned itself. A subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)) gets others as
// well, whose parents died: nobody waits for those, and in a pid namespace a zombie keeps its container from
// ending.
#pragma once

#include <sys/types.h>

#include <functional>

namespace stack {

// Calls `spawn`, which gives a process id or a negative number, and takes note of the child.
pid_t spawn_noted(const std::function<pid_t()>& spawn);
// For a child that was spawned here and has ended: takes its exit status from the kernel.
void reap_child(pid_t pid);
// It was waited for.
void forget_child(pid_t pid);
// Reaps every ended child that was not spawned here. Returns how many.
int reap_inherited_children();

}  // namespace stack
