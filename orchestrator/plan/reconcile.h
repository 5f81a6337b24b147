// Computes a plan from the desired and the observed state. Pure: no clock, randomness, or I/O; the same input gives
// the same plan.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"
#include "orchestrator/plan/plan.h"

namespace stack::orchestrator {

struct ReconcileOptions {
  bool force_recreate = false;
  bool no_recreate = false;
  bool always_recreate_deps = false;
  bool renew_anon_volumes = false;
  bool remove_orphans = false;
  bool ignore_orphans = false;  // do not warn about orphans
  bool build = false;
  bool no_build = false;
  std::string pull;  // "", "missing", "always", "never", "policy"
  bool no_start = false;
  bool wait = false;                            // wait-running or wait-healthy for each service
  std::optional<std::chrono::seconds> timeout;  // for stops
  // `up` restarts a one-shot that exited with 0, like Docker Compose. When the engine resumes an interrupted `up` or
  // repairs drift, the one-shot is not restarted.
  bool rerun_completed = true;
  // `run`: does not change this service's containers, but prepares its image, networks, and volumes and waits for the
  // conditions of its dependencies. "" = none.
  std::string prepare;
};

// The plan of `up`. It completes or removes leftovers of an interrupted recreate.
Plan reconcile(const DesiredState& desired, const ObservedState& observed,
               const ReconcileOptions& options = {});

// The plan that removes the objects created by a failed plan (containers, networks, and volumes that did not exist
// before). `performed[i]` states whether plan.actions[i] was performed, `ids[i]` is the container ID it created. Used
// for plans that failed at an image, so that nothing of a new project remains. Replaced containers are not restored.
Plan undo(const Plan& plan, const std::vector<bool>& performed, const std::vector<std::string>& ids);

}  // namespace stack::orchestrator
