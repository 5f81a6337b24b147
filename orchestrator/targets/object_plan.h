// The changes that a deployment would make to a cluster's objects, and their text.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace stack::targets {

enum class Step { Keep, Create, Change, Replace, Remove };

struct ObjectChange {
  std::string field;   // "spec.template.spec.containers.web.image"
  std::string before;  // "" if it was not set
  std::string after;
};

// One object of a plan.
struct PlanRow {
  Step step = Step::Keep;
  std::string object;  // "Deployment web"
  std::string service;
  std::string cause;
  std::vector<ObjectChange> changes = {};
};

// "changed: image, env, and 2 more".
std::string changed_text(const std::vector<ObjectChange>& changes);

// In the format of docs/API.md (ACTION): kinds "create-object", "change-object", "replace-object", "remove-object". Kept
// objects have no action; the others are numbered from 1 in their order.
OrderedJson plan_json(const std::vector<PlanRow>& rows, const std::string& project,
                      const std::vector<std::string>& warnings = {});

}  // namespace stack::targets
