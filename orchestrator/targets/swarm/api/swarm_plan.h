// The changes a deployment would make to the objects of a swarm, with their causes. Changes nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "orchestrator/targets/object_plan.h"
#include "orchestrator/targets/swarm/api/live_project.h"

namespace stack::targets::swarm {

struct PlannedStep {
  Step step = Step::Keep;
  SwarmObject object;  // for Remove: without a body
  std::string id;      // of the existing object
  int64_t version = 0;
  int64_t forced = 0;  // the counter of forced updates to set
  std::string cause;   // "no such service", "changed: Image", "not in the files"
  std::vector<ObjectChange> changes = {};
};

struct SwarmPlan {
  std::vector<PlannedStep> steps;  // services wait for their needs, whatever their order
  std::vector<std::string> warnings;
  size_t changes() const;
};

Result<SwarmPlan> plan_deployment(DockerConnection& docker, const LiveProject& live,
                                  const std::vector<Json>& tasks, const std::string& project,
                                  const Conversion& conversion, const PlaceFinder& place);
// The steps of `down`. The config that remembers the nodes of volumes stays, unless `volumes`.
SwarmPlan plan_removal(const LiveProject& live, bool volumes);

// "compose.yaml:3:5: service web".
std::string object_label(const SwarmObject& object, const PlaceFinder& place);
OrderedJson plan_json(const SwarmPlan& plan, const std::string& project);

}  // namespace stack::targets::swarm
