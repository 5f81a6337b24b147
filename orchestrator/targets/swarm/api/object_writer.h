// Creates, updates, and removes objects of a swarm.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "orchestrator/targets/swarm/api/swarm_plan.h"

namespace stack::targets::swarm {

struct SwarmDeployOptions;

class ObjectWriter {
 public:
  ObjectWriter(DockerConnection& docker, const LiveProject& live, const SwarmDeployOptions& options)
      : docker_(docker), live_(live), options_(options) {}

  // Carries out a step that creates, changes, or replaces. Services need the IDs of configs and secrets, which must
  // have been written or kept before.
  Result<> write(const PlannedStep& step);
  // Remembers the ID of an unchanged object.
  Result<> keep(const PlannedStep& step);
  // Succeeds if the object is gone already.
  Result<> remove(ObjectKind kind, const std::string& id);
  // The same; waits while containers that stop still use it.
  Result<> remove_unused(ObjectKind kind, const std::string& id, std::chrono::seconds limit);

 private:
  Result<> write_service(const PlannedStep& step);
  Result<std::string> id_of(ObjectKind kind, const std::string& name);

  DockerConnection& docker_;
  const LiveProject& live_;
  const SwarmDeployOptions& options_;
  std::map<std::pair<ObjectKind, std::string>, std::string> ids_;
};

}  // namespace stack::targets::swarm
