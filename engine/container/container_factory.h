// Creates containers.
#pragma once

#include <string>
#include <vector>

#include "engine/container/container_removal.h"
#include "engine/container/container_volumes.h"

namespace stack::engine {

// Not an aggregate: g++ 12 copies temporaries of aggregates bitwise into coroutine frames.
struct CreateOptions {
  CreateOptions() {}
  ContainerPtr volumes_of;  // take over its anonymous volumes with the same mount points
  std::string config_text;
};

class ContainerFactory {
 public:
  ContainerFactory(Context& context, ContainerParts& parts, ContainerVolumes& volumes,
                   ContainerRemoval& removal)
      : context_(context), parts_(parts), volumes_(volumes), removal_(removal) {}

  // Resolves image and mounts, creates and fills volumes. The image must be local. Conflict if the name is in use.
  Task<Result<ContainerPtr>> create(ContainerSpec spec, CreateOptions options);

 private:
  // A generated name for a container without one.
  std::string free_name() const;
  Result<> check_spec(const ContainerSpec& spec) const;
  Result<std::vector<MountPoint>> plan_mounts(const ContainerSpec& spec, const images::Image& image) const;

  Context& context_;
  ContainerParts& parts_;
  ContainerVolumes& volumes_;
  ContainerRemoval& removal_;
};

// Docker's name rule: at least two letters, digits, "_", ".", or "-", starting with a letter or digit.
Result<> check_container_name(const std::string& name);

}  // namespace stack::engine
