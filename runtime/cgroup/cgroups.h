// Control groups v1, v2, and hybrid: a container has one path, "/stack/<id>", in every hierarchy used. Kernel:
// Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/*.rst.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"

namespace stack::runtime {

enum class CgroupMode { V1, Hybrid, V2 };

struct CgroupStats {
  uint64_t cpu_total_ns = 0;
  uint64_t cpu_user_ns = 0;
  uint64_t cpu_system_ns = 0;
  uint64_t throttled_periods = 0;
  uint64_t periods = 0;
  uint64_t throttled_ns = 0;
  uint64_t memory_usage = 0;          // bytes, including page cache
  uint64_t memory_inactive_file = 0;  // Docker subtracts it: total_inactive_file (v1), inactive_file (v2)
  uint64_t memory_limit = 0;          // 0: none
  uint64_t memory_max_usage = 0;
  uint64_t memory_failures = 0;
  std::map<std::string, uint64_t> memory_details;  // memory.stat
  uint64_t pids = 0;
  uint64_t pids_limit = 0;  // 0: none
  uint64_t block_read_bytes = 0;
  uint64_t block_write_bytes = 0;
  uint64_t oom_kills = 0;
};

// The hierarchies of this machine. Copyable; holds only paths.
class Cgroups {
 public:
  // Reads /proc/self/mountinfo and /proc/self/cgroup. If our cgroup is not the visible root (a container host inside a
  // container), paths are relative to the mounted hierarchy.
  static Result<Cgroups> detect();

  CgroupMode mode() const { return mode_; }
  // Whether a controller ("memory", "pids", ...) is available.
  bool has(const std::string& controller) const;

  // The hierarchies in which create() creates a cgroup for these resources.
  Result<Cgroups> used_for(const Json& resources) const;

  // Creates the cgroup in all hierarchies used and applies an OCI linux.resources object. A limit without its controller is
  // an error, unless it has no effect. `notes` lists skipped settings.
  Result<> create(const std::string& path, const Json& resources,
                  std::vector<std::string>* notes = nullptr) const;
  // Applies resources to an existing cgroup (docker update).
  Result<> update(const std::string& path, const Json& resources) const;

  // Descriptors for entering the cgroup.
  struct Entry {
    Fd unified;             // cgroup2 directory for clone3(CLONE_INTO_CGROUP), or none
    std::vector<Fd> tasks;  // version 1 `tasks` files: the single-threaded child writes "0" to each
  };
  Result<Entry> open_entry(const std::string& path) const;
  // Moves an existing process (slow: waits for an RCU grace period).
  Result<> attach(const std::string& path, pid_t pid) const;

  // Returns once all processes are frozen (or thawed), or Timeout.
  Result<> freeze(const std::string& path, std::chrono::milliseconds limit = std::chrono::seconds(10)) const;
  Result<> thaw(const std::string& path) const;
  bool frozen(const std::string& path) const;

  // Sends SIGKILL to all processes until none is left or the limit is reached. Thaws frozen cgroups.
  Result<> kill_all(const std::string& path, std::chrono::milliseconds limit = std::chrono::seconds(5)) const;
  // PIDs, in our PID namespace, of the cgroup and its descendants. Empty for a missing cgroup.
  Result<std::vector<pid_t>> pids(const std::string& path) const;

  Result<CgroupStats> stats(const std::string& path) const;
  uint64_t oom_kills(const std::string& path) const;
  // The file whose counter "oom_kill" counts kills, and (version 1) the one to register an eventfd for.
  std::string oom_file(const std::string& path) const;

  // Removes the cgroup in every hierarchy, descendants first; retries while busy for up to `limit`. Idempotent.
  Result<> remove(const std::string& path, std::chrono::milliseconds limit = std::chrono::seconds(2)) const;
  bool exists(const std::string& path) const;
  // Names directly below `prefix` ("/stack") in any hierarchy, for sweeps.
  std::vector<std::string> list(const std::string& prefix) const;
  // Kills and removes every group below `prefix` whose name is not in `keep`; returns the names removed.
  Result<std::vector<std::string>> sweep(const std::string& prefix,
                                         const std::vector<std::string>& keep) const;

  // The directory of a controller's cgroup; "" if there is none. In v2, all controllers share one tree.
  std::string directory(const std::string& controller, const std::string& path) const;
  // Mount points used, for a container's own view: controller list -> host directory ("cpu,cpuacct" -> ...).
  struct Hierarchy {
    std::vector<std::string> controllers;  // {} for version 2, {"name=systemd"} for named ones
    std::string mount_point;
    std::string root;  // our group's path below mount_point ("" or "/x/y")
    bool unified = false;
  };
  const std::vector<Hierarchy>& hierarchies() const { return hierarchies_; }

 private:
  CgroupMode mode_ = CgroupMode::V2;
  std::vector<Hierarchy> hierarchies_;
};

}  // namespace stack::runtime
