// What a project has in a namespace: a Secret of the name stack.<project>, so that a later deployment removes what left the
// files, and can restore the previous workloads.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/targets/kubernetes/api/resources.h"

namespace stack::targets::kubernetes {

struct ObjectName {
  std::string kind;
  std::string name;
  auto operator<=>(const ObjectName&) const = default;
};

struct Inventory {
  std::vector<ObjectName> objects;    // created by deployments, including an interrupted one
  std::vector<KubeObject> workloads;  // as of the last successful deployment
  std::string resource_version = {};  // "": not stored yet
};

ApiResult<Inventory> read_inventory(const Resources& resources, const std::string& project);
// Writes only if it changed.
ApiResult<std::monostate> write_inventory(const Resources& resources, const std::string& project,
                                          const Inventory& old, const Inventory& now);
std::string inventory_name(const std::string& project);

}  // namespace stack::targets::kubernetes
