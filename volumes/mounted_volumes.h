// Keeps volumes with driver options mounted on their mountpoint while they have users, so that all users see one file system.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "volumes/volume.h"

namespace stack::volumes {

// Thread-safe. Mounting one volume does not delay others. The users are not stored: after a restart, adopt() names them again,
// and unmount_unused() ends the mounts without users.
class MountedVolumes {
 public:
  // Mounts the volume for its first user. Idempotent for a user.
  Result<> acquire(const Volume& volume, const std::string& user);
  // Unmounts the volume after its last user. If a process of the host uses it, it stays mounted and is reused; the error says
  // so.
  Result<> release(const Volume& volume, const std::string& user);
  // A running user of a former engine.
  void adopt(const Volume& volume, const std::string& user);
  Result<> unmount_unused(const Volume& volume);
  bool used(const std::string& name) const;

 private:
  struct Entry {
    std::mutex mounting;
    std::set<std::string> users;
  };
  std::shared_ptr<Entry> entry(const std::string& name);

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace stack::volumes
