// Compose's pull policies (services.*.pull_policy), and the plan of `pull`. Pure.
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

// Maximum image age for daily, weekly, every_<duration>, and refresh with pull_refresh_after; nullopt for other policies.
std::optional<Nanoseconds> refresh_interval(const std::string& policy, const std::string& refresh_after);

// Why an image is pulled: "no image", "pull policy: always", "last pulled 2 days ago (pull policy: daily)"; nullopt if it
// is not pulled. `policy` is Compose's policy or its override from the command line.
std::optional<std::string> pull_cause(const DesiredImage& image, const std::string& policy,
                                      const ObservedState& observed);

struct PullOptions {
  std::string policy;  // "": the file's policy, and images without a policy are pulled; "missing", "always"
  bool ignore_buildable = false;  // skip services that have `build`
  bool ignore_failures = false;
};
// The plan of `pull`: all images of the desired services in parallel. Images of services with `build` may be missing from
// the registry, so their failure is a warning.
Plan plan_pull(const DesiredState& desired, const ObservedState& observed, const PullOptions& options);

}  // namespace stack::orchestrator
