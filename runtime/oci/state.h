// The state of a container between calls of stack-runtime: <root>/<id>/ contains
//   config.json   the configuration at creation
//   state.json    OciState
//   start.sock    where the container's first process waits for `start`; removed at the start
// The directory's name reserves the ID; an flock(2) on it serializes changes of the container.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "runtime/oci/status.h"

namespace stack::runtime::oci {

struct OciState {
  std::string oci_version;
  std::string id;
  std::string bundle;
  std::string rootfs;
  std::string created;  // RFC 3339
  std::string owner;
  std::string cgroup_path;      // "": no group
  bool created_cgroup = false;  // created for this container; otherwise it stays
  std::string scope;            // systemd unit of the group; "": created without systemd
  // Without a mount namespace: the original mount at rootfs. A different mount there belongs to the container.
  uint64_t rootfs_mount = 0;  // statx(2) stx_mnt_id; 0: the container has a mount namespace
  bool creating = false;      // hooks of the creation are running
  pid_t pid = -1;
  uint64_t start_time = 0;  // of pid, in clock ticks since boot; detects a reused PID
  Json annotations = Json::object();
};

Json state_to_json(const OciState& state);
Result<OciState> state_from_json(const Json& json);

class StateDirectory {
 public:
  // Claims a new ID. Conflict if it is in use.
  static Result<StateDirectory> claim(const std::string& root, const std::string& id);
  // NotFound: "container "x" does not exist".
  static Result<StateDirectory> open(const std::string& root, const std::string& id);

  StateDirectory(StateDirectory&&) = default;
  StateDirectory& operator=(StateDirectory&&) = delete;
  ~StateDirectory();

  // Waits for exclusive access to the container; NotFound if it is deleted in the meantime.
  Result<> lock();
  // Whether another process has the lock.
  bool busy() const;
  void unlock();

  // nullopt: the creation has not stored it.
  Result<std::optional<OciState>> load() const;
  Result<> save(const OciState& state) const;
  Result<std::string> config_text() const;
  Result<> save_config(std::string_view text) const;
  // Removes the directory, which releases the ID.
  Result<> remove();

  int fd() const { return directory_.get(); }
  const std::string& path() const { return path_; }
  const std::string& id() const { return id_; }

 private:
  StateDirectory(std::string path, std::string id, Fd directory)
      : path_(std::move(path)), id_(std::move(id)), directory_(std::move(directory)) {}

  Result<> take_lock();

  std::string path_;
  std::string id_;
  Fd directory_;
  bool locked_ = false;
};

constexpr const char* kStartSocket = "start.sock";

// A container found by a later command.
struct FoundContainer {
  StateDirectory directory;
  OciState state;
  Status status = Status::Stopped;
};

// Includes the current state. `locked`: no other process changes it while the result exists.
Result<FoundContainer> find_container(const std::string& root, const std::string& id, bool locked = false);
Status find_status(const StateDirectory& directory, const OciState& state);

// The ids in use, sorted.
Result<std::vector<std::string>> list_containers(const std::string& root);

// Field 22 of /proc/<pid>/stat; nullopt: no such process, or a zombie.
std::optional<uint64_t> process_start_time(pid_t pid);
// A pidfd of the container's first process, verified by its start time; NotFound ("container not running").
Result<Fd> open_container_process(const OciState& state);

// The specification's state document, with the additional members of crun and runc.
OrderedJson state_document(const OciState& state, Status status);

}  // namespace stack::runtime::oci
