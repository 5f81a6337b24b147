// Binds and volumes of containers.
#pragma once

#include <string>
#include <vector>

#include "engine/container/container_parts.h"
#include "engine/state/context.h"

namespace stack::engine {

class ContainerVolumes {
 public:
  ContainerVolumes(Context& context, ContainerParts& parts) : context_(context), parts_(parts) {}

  // Creates and fills the volumes of a new container, and checks its bind sources.
  Task<Result<>> make(ContainerPtr container, images::Image image);
  // Volumes with driver options are mounted while a container uses them, and filled when they are mounted, because a
  // tmpfs loses its files with its last user.
  Task<Result<>> attach(ContainerPtr container);
  Task<> detach(ContainerPtr container);
  // Volumes of containers that outlived the former engine stay mounted. With a lost record, nobody knows what it uses.
  void adopt(const std::vector<ContainerPtr>& alive);
  // The anonymous volumes that no other container mounts.
  std::vector<std::string> owned_by(const Container& container) const;

 private:
  Context& context_;
  ContainerParts& parts_;
};

}  // namespace stack::engine
