// The changes a deployment would make: each object compared with the server's answer to a dry run. The server
// plans; this code only asks it and gives the reasons.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "orchestrator/targets/kubernetes/api/inventory.h"
#include "orchestrator/targets/kubernetes/api/object_changes.h"

namespace stack::targets::kubernetes {

struct PlannedStep {
  Step step = Step::Keep;
  KubeObject object;  // for Remove: without a body
  std::string cause;  // "no such object", "changed: spec.replicas", "not in the files"
  std::vector<ObjectChange> changes;
};

struct ClusterPlan {
  std::vector<PlannedStep> steps;  // in the order in which they are carried out
  Inventory inventory;             // as stored now
  size_t changes() const;
};

// `place` finds the position of an object's pointer. Changes nothing.
Result<ClusterPlan> plan_deployment(const Resources& resources, const std::string& project,
                                    const Conversion& conversion, const PlaceFinder& place);
// The steps of `down`: all objects of the project; claims only with `volumes`.
Result<ClusterPlan> plan_removal(const Resources& resources, const std::string& project, bool volumes);

// "compose.yaml:3:5: service web: Deployment web".
std::string object_label(const KubeObject& object, const PlaceFinder& place);

OrderedJson plan_json(const ClusterPlan& plan, const std::string& project);

}  // namespace stack::targets::kubernetes
