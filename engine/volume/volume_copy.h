// Copies of volumes: backups as tar streams, compressed by zstd with its checksum, and clones. All functions block.
//
// A backup is a tar archive: "volume.json" (the volume's description), then its files below "_data/".
#pragma once

#include <string>

#include "base/result.h"
#include "images/archive/tar_writer.h"
#include "volumes/volume_store.h"

namespace stack::engine {

// Keeps a volume mounted while its files are read or written.
class VolumeAccess {
 public:
  static Result<std::shared_ptr<VolumeAccess>> open(volumes::VolumeStore& store, const std::string& name);
  VolumeAccess(const VolumeAccess&) = delete;
  VolumeAccess& operator=(const VolumeAccess&) = delete;
  ~VolumeAccess();
  const volumes::Volume& volume() const { return volume_; }

 private:
  VolumeAccess(volumes::VolumeStore& store, volumes::Volume volume, std::string user)
      : store_(store), volume_(std::move(volume)), user_(std::move(user)) {}
  volumes::VolumeStore& store_;
  volumes::Volume volume_;
  std::string user_;
};

Result<> write_backup(const VolumeAccess& access, const images::ByteSink& sink);

struct RestoreOptions {
  std::string name;      // "" = the name in the backup
  bool replace = false;  // the files of a volume that is not empty
};
// Reads the whole backup before the volume changes. A missing volume is created as it was. Invalid for a damaged or foreign
// archive; Conflict if the volume has files and `replace` is not set.
Result<volumes::Volume> restore_backup(volumes::VolumeStore& store, int archive, const RestoreOptions& options);
// The name in the backup at the current position of `archive`, which is kept.
Result<std::string> name_in_backup(int archive);

// Creates the volume `target` with a copy of the files and the labels. Conflict if it exists.
Result<volumes::Volume> clone_volume(volumes::VolumeStore& store, const VolumeAccess& source,
                                     const std::string& target);

}  // namespace stack::engine
