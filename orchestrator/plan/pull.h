// When an image is pulled: the policies of Compose (services.*.pull_policy), and the plan of `pull`. Pure.
// https://github.com/compose-spec/compose-spec/blob/main/05-services.md#pull_policy
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"
#include "orchestrator/plan/plan.h"

namespace stack::orchestrator {

// daily, weekly, every_<duration>, and refresh with pull_refresh_after: how old an image may get. nullopt: another policy.
std::optional<Nanoseconds> refresh_interval(const std::string& policy, const std::string& refresh_after);

// Why an image is pulled: "no image", "pull policy: always", "last pulled 2 days ago (pull policy: daily)". nullopt: it is
// not. `policy` is Compose's, or the command line's in its place.
std::optional<std::string> pull_cause(const DesiredImage& image, const std::string& policy,
                                      const ObservedState& observed);

struct PullOptions {
  std::string policy;  // "": as the file has it, and what has no policy is pulled; "missing", "always"
  bool ignore_buildable = false;  // leave out services that have `build`
  bool ignore_failures = false;
};
// The plan of `pull`: all images of the desired services at once. Images of services with `build` may be missing from the
// registry: their failure is a warning.
Plan plan_pull(const DesiredState& desired, const ObservedState& observed, const PullOptions& options);

}  // namespace stack::orchestrator
