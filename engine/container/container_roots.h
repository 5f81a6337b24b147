// Access to the root file systems of containers: their files, their changes, and images made of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/container/container_facts.h"
#include "images/layer/layer_changes.h"
#include "runtime/rootfs/container_files.h"

namespace stack::engine {

struct CommitRequest {
  CommitRequest() {}
  std::string comment;
  std::string author;
  bool pause = true;  // pause it while its files are copied
  Json overrides;     // an image's "config"
  std::vector<Reference> tags;
};

class ContainerRoots {
 public:
  ContainerRoots(Context& context, ContainerParts& parts, const ContainerFacts& facts)
      : context_(context), parts_(parts), facts_(facts) {}

  // Opens its files as the container sees them, running or not; the returned function blocks. The caller must prevent a
  // stopped container from starting meanwhile (its command queue).
  Result<std::function<Result<runtime::ContainerFiles>()>> files_of(const Container& container) const;
  // Its changes relative to the image. Blocks.
  Result<std::vector<images::LayerChange>> changes(const Container& container) const;
  // Creates an image from its current files and configuration.
  Task<Result<images::Image>> commit(ContainerPtr container, CommitRequest request);

 private:
  std::vector<std::string> mount_points(const Container& container) const;

  Context& context_;
  ContainerParts& parts_;
  const ContainerFacts& facts_;
};

}  // namespace stack::engine
