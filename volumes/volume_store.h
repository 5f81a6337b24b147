// The volumes of one state root, kept on disk:
//
//   <root>/<name>/volume.json   description
//   <root>/<name>/_data/        content
//   <root>/<name>/_populate/    only while image content is being moved in (see populate)
//   <root>/.new-*  .gone-*      half made or half removed; swept by open()
//
// Every change is one rename, so that a crash leaves either the old or the new state.
// Thread-safe. One process at a time (the engine's lock on its state root sees to that).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "volumes/volume.h"

namespace stack::volumes {

class VolumeStore {
 public:
  // Makes `root` (mode 0711, as Docker's) where missing, sweeps leftovers, reads what is there. A volume
  // whose description cannot be read is kept and listed with driver "local" and no labels: its data is the
  // user's.
  static Result<std::unique_ptr<VolumeStore>> open(std::string root);

  // Idempotent: an existing volume of that name and driver is returned unchanged, whatever its labels and
  // options (compare them where it matters). Errors: Invalid (name, driver, options), Conflict (other
  // driver).
  Result<Volume> create(const VolumeSpec& spec);

  std::optional<Volume> find(const std::string& name) const;
  std::vector<Volume> list() const;  // by name

  // `users`: names of the containers that hold the volume, for the refusal (Conflict). Unknown: NotFound.
  Result<> remove(const std::string& name, std::span<const std::string> users);

  // Copies an image's directory into the volume when the volume is empty: content, and mode and owner of the
  // directory itself. Call before the first start of each new container that uses the volume without
  // `nocopy`. Volumes with a device of their own are left alone. Blocks. Crash-safe: content is first
  // completed beside the volume and then moved in entry by entry, never over something that is there; an
  // interrupted call is finished or undone by the next one. The user's files are never removed. `source` is a
  // directory descriptor (O_PATH will not do). Returns whether anything was copied.
  Result<bool> populate(const std::string& name, int source);

  // Bytes on disk below _data; blocks.
  Result<uint64_t> disk_usage(const std::string& name) const;

  const std::string& root() const { return root_; }

 private:
  explicit VolumeStore(std::string root) : root_(std::move(root)) {}
  Result<> load();
  std::string folder(const std::string& name) const { return root_ + "/" + name; }

  std::string root_;
  mutable std::mutex mutex_;
  std::mutex populate_mutex_;
  std::map<std::string, Volume> volumes_;
};

}  // namespace stack::volumes
