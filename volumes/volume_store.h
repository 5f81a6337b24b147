// The volumes of one state root, stored on disk:
//
//   <root>/<name>/volume.json   description
//   <root>/<name>/_data/        content
//   <root>/<name>/_populate/    only while image content is being moved in (see populate)
//   <root>/<name>/_data         is also the mount point of a volume with driver options (see attach)
//   <root>/.new-*  .gone-*      partially created or removed; swept by open()
//
// Every change is one rename, so that a crash leaves either the old or the new state.
// Thread-safe. Only one process at a time, guaranteed by the engine's lock on its state root.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "volumes/mounted_volumes.h"
#include "volumes/volume.h"

namespace stack::volumes {

class VolumeStore {
 public:
  // Creates `root` (mode 0700) if missing, sweeps leftovers, and reads the volumes. A volume with an unreadable description
  // is kept and listed with driver "local" and no labels, because its data belongs to the user.
  static Result<std::unique_ptr<VolumeStore>> open(std::string root);

  enum class Change { Created, Removed };
  // Reports each volume that is created or removed, on the thread that does it. Set once, before any change.
  void on_change(std::function<void(Change, const Volume&)> told) { told_ = std::move(told); }

  // Idempotent: returns an existing volume of that name and driver unchanged, even if its labels and options differ. Errors:
  // Invalid (name, driver, options), Conflict (other driver).
  Result<Volume> create(const VolumeSpec& spec);

  std::optional<Volume> find(const std::string& name) const;
  std::vector<Volume> list() const;  // by name

  // `users`: names of the containers that use the volume, for the Conflict error. NotFound for an unknown volume. Conflict if
  // anything is mounted in it that cannot be unmounted, so that no file of another file system is removed.
  Result<> remove(const std::string& name, std::span<const std::string> users);

  // Volumes with driver options are mounted on their mountpoint while they have users: the first attach() mounts, the last
  // detach() unmounts. For other volumes, and for unknown ones, these do nothing. Both block. `user` is an ID.
  Result<> attach(const std::string& name, const std::string& user);
  Result<> detach(const std::string& name, const std::string& user);
  // For users that outlived the former engine. Then unmount_unused() ends the mounts that no user has left.
  void adopt(const std::string& name, const std::string& user);
  Result<> unmount_unused();

  // Copies an image's directory into an empty volume, including mode and owner of the directory. Call before the first start
  // of each new container that uses the volume without `nocopy`; a volume with driver options must be attached. Blocks.
  // Crash-safe: the copy is completed first and then moved in entry by entry, without replacing existing files; the next call
  // completes or undoes an interrupted one. Never removes the user's files. `source` is a directory descriptor (not O_PATH).
  // Returns whether anything was copied.
  Result<bool> populate(const std::string& name, int source);

  // Files prepared for a volume, which it gets all at once.
  struct Staging {
    std::string parent;       // a folder that holds `entry`
    std::string entry;        // the name of the directory for the files
    bool in_volume = false;   // in the file system of a volume with driver options
  };
  // For a volume that does not exist yet (options empty), or to replace its files. A volume with driver options must be attached
  // and empty, because it cannot be exchanged: Conflict.
  Result<Staging> stage(const std::string& name);
  // Creates the volume with the staged files, or exchanges the files of an existing one. Conflict if that has files and
  // `replace` is not set. A crash leaves the old or the new files. No container may run with the volume.
  Result<Volume> commit(const Staging& staging, const VolumeSpec& spec, bool replace);
  void discard(const Staging& staging);

  // Bytes on disk below _data; blocks.
  Result<uint64_t> disk_usage(const std::string& name) const;

  const std::string& root() const { return root_; }

 private:
  explicit VolumeStore(std::string root) : root_(std::move(root)) {}
  Result<> load();
  Result<Volume> described(const VolumeSpec& spec) const;
  Result<bool> add(Volume& volume);
  Result<Volume> exchange(const Staging& staging, const Volume& volume, bool replace);
  Result<Volume> create_from(const Staging& staging, const VolumeSpec& spec);
  std::string folder(const std::string& name) const { return root_ + "/" + name; }

  std::string root_;
  mutable std::mutex mutex_;
  std::mutex populate_mutex_;
  std::map<std::string, Volume> volumes_;
  MountedVolumes mounted_;
  std::function<void(Change, const Volume&)> told_;
};

}  // namespace stack::volumes
