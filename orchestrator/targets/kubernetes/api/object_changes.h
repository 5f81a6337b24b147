// Compares objects as the API server has and would have them. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace stack::targets::kubernetes {

struct ObjectChange {
  std::string field;   // "spec.template.spec.containers.web.image"
  std::string before;  // "" if it was not set
  std::string after;
};

// The differences, without the fields that the server maintains (status, versions, managed fields). Items of lists
// are identified by their names, if they have any. Values of Secrets are masked.
std::vector<ObjectChange> object_changes(const Json& before, const Json& after);

}  // namespace stack::targets::kubernetes
