// A project's objects in a namespace, listed in a Secret named stack.<project>, so that a later deployment can
// remove objects that are no longer in the files and restore the previous workloads.
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
