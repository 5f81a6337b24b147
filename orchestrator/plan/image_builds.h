// Image builds of a plan: services with the same build share one, and base images are built first.
#pragma once

#include <map>
#include <set>
#include <string>

#include "orchestrator/plan/plan_builder.h"

namespace stack::orchestrator {

// The observed inputs of an image's build section; empty if unknown.
const ObservedBuild& observed_build(const ObservedState& observed, const std::string& reference);

// The other images of the project that are bases of this build: those named by its additional contexts or FROM lines.
std::set<std::string> build_bases(const DesiredState& desired, const ObservedState& observed,
                                  const DesiredImage& image);

// Adds the build of an image, or returns a planned build with the same build section.
ActionId add_build(PlanBuilder& plan, const DesiredState& desired, const ObservedState& observed,
                   const DesiredImage& image, const std::string& cause);

// Orders each build after its bases. `images`: actions by reference.
void order_builds(PlanBuilder& plan, const DesiredState& desired, const ObservedState& observed,
                  const std::map<std::string, ActionId>& images);

}  // namespace stack::orchestrator
