// Backups, restores, and clones of volumes, while their containers continue, are frozen, or are stopped.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/container/container_service.h"
#include "engine/volume/volume_copy.h"

namespace stack::engine {

// What the running containers of a volume do during a copy.
enum class CopyMode { Live, Freeze, Stop };
// "", "freeze", or "stop".
Result<CopyMode> parse_copy_mode(const std::string& text);

class VolumeService {
 public:
  VolumeService(Context& context, ContainerService& containers) : context_(context), containers_(containers) {}

  // Starts the containers that a former engine stopped for a copy. Call once, when serving.
  void resume();

  // Quiets the running containers that use the volume until the returned object is destroyed on the engine's thread.
  Task<Result<std::shared_ptr<void>>> quiet(std::string volume, CopyMode mode);
  // Blocks no one; the volume stays mounted as long as the object.
  Task<Result<std::shared_ptr<VolumeAccess>>> open(std::string volume);
  // From the file at `archive`. Conflict if containers run with the volume, except with CopyMode::Stop.
  Task<Result<volumes::Volume>> restore(int archive, RestoreOptions options, CopyMode mode);
  Task<Result<volumes::Volume>> clone(std::string source, std::string target, CopyMode mode);

 private:
  struct Frozen;
  struct Stopped;
  std::vector<ContainerPtr> running_users(const std::string& volume) const;
  Task<Result<std::shared_ptr<void>>> freeze(std::vector<ContainerPtr> users);
  Task<Result<std::shared_ptr<void>>> stop(std::vector<ContainerPtr> users);
  void remember_stopped(const std::vector<ContainerPtr>& containers);

  Context& context_;
  ContainerService& containers_;
  std::vector<ContainerPtr> stopped_;  // by running copies
};

}  // namespace stack::engine
