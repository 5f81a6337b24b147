// Image builds of a plan: one for services that build the same, and those that others begin with first.
#pragma once

#include <map>
#include <string>

#include "orchestrator/plan/plan_builder.h"

namespace stack::orchestrator {

// The build of an image; one that is planned already where that has the same build section.
ActionId add_build(PlanBuilder& plan, const DesiredImage& image, const std::string& inputs,
                   const std::string& cause);

// An image is built after those that its additional contexts or FROM lines name. `images`: the actions by
// reference.
void order_builds(PlanBuilder& plan, const DesiredState& desired, const ObservedState& observed,
                  const std::map<std::string, ActionId>& images);

}  // namespace stack::orchestrator
