// The cgroup of a systemd scope, into which a container is cloned. A scope requires a process, and moving a process into a
// cgroup costs an RCU grace period, so a placeholder process starts the scope and exits when the container is in it.
#pragma once

#include <string>

#include "base/result.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/oci/systemd_scope.h"
#include "runtime/spec/spec.h"

namespace stack::runtime::oci {

// A child process that does nothing. Killed and reaped on destruction; killed by the kernel when we end.
class PlaceHolder {
 public:
  static Result<PlaceHolder> start();
  PlaceHolder(PlaceHolder&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  PlaceHolder& operator=(PlaceHolder&&) = delete;
  ~PlaceHolder() { end(); }
  void end();
  pid_t pid() const { return pid_; }

 private:
  explicit PlaceHolder(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

class SystemdCgroup {
 public:
  // Starts the scope with the limits that systemd supports.
  static Result<SystemdCgroup> start(const ScopeName& name, const std::string& description,
                                     const OciSpec& spec, CgroupMode mode);
  // The path for Cgroups: "/system.slice/x.scope".
  const std::string& path() const { return path_; }
  // Call when a process of the container is in the group.
  void occupied() { holder_.end(); }

 private:
  SystemdCgroup(PlaceHolder holder, std::string path) : holder_(std::move(holder)), path_(std::move(path)) {}
  PlaceHolder holder_;
  std::string path_;
};

}  // namespace stack::runtime::oci
