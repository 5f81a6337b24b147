#include "base/children.h"

#include <sys/wait.h>

#include <mutex>
#include <set>
#include <sstream>
#include <string>

#include "base/directory.h"
#include "base/files.h"

namespace stack {

namespace {

struct Spawned {
  std::mutex mutex;
  std::set<pid_t> pids;
};

Spawned& spawned() {
  static Spawned all;
  return all;
}

// The children of all threads; each thread has its own list. proc_tid_children(5)
std::set<pid_t> present_children() {
  std::set<pid_t> children;
  for (const std::string& thread : names_in("/proc/self/task").value_or(std::vector<std::string>())) {
    std::istringstream list(read_file("/proc/self/task/" + thread + "/children").value_or(""));
    for (pid_t pid = 0; list >> pid;) children.insert(pid);
  }
  return children;
}

}  // namespace

pid_t spawn_noted(const std::function<pid_t()>& spawn) {
  std::lock_guard lock(spawned().mutex);
  pid_t pid = spawn();
  if (pid > 0) spawned().pids.insert(pid);
  return pid;
}

void forget_child(pid_t pid) {
  std::lock_guard lock(spawned().mutex);
  spawned().pids.erase(pid);
}

void reap_child(pid_t pid) {
  (void)::waitpid(pid, nullptr, WNOHANG);
  forget_child(pid);
}

int reap_inherited_children() {
  // Locked, so that no child is spawned between the check and the wait.
  std::lock_guard lock(spawned().mutex);
  int reaped = 0;
  for (pid_t pid : present_children())
    if (!spawned().pids.contains(pid) && ::waitpid(pid, nullptr, WNOHANG) == pid) ++reaped;
  return reaped;
}

}  // namespace stack
