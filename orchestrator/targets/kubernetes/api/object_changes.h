// Compares objects as the API server has and would have them. Pure.
#pragma once

#include <vector>

#include "base/json.h"
#include "orchestrator/targets/object_plan.h"

namespace stack::targets::kubernetes {

// The differences, without the fields that the server maintains (status, versions, managed fields). Items of lists
// are identified by their names, if they have any. Values of Secrets are masked.
std::vector<ObjectChange> object_changes(const Json& before, const Json& after);

}  // namespace stack::targets::kubernetes
