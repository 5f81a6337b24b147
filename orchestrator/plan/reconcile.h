// Desired and observed state -> plan. Pure: no clock, no randomness, no I/O; the same input gives the same
// text.
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
  bool ignore_orphans = false;  // no warning
  bool build = false;
  bool no_build = false;
  std::string pull;  // "", "missing", "always", "never", "policy"
  bool no_start = false;
  bool wait = false;                            // wait-running or wait-healthy for each service
  std::optional<std::chrono::seconds> timeout;  // for stopping
  // `up` starts a one-shot that exited with 0 again, as Docker Compose does; when an interrupted `up` is
  // finished, or drift is repaired, it stays as it is.
  bool rerun_completed = true;
  // `run`: this service's containers are left alone; instead all that a one-off container of it needs is made
  // ready: image, networks, volumes, and the conditions of its dependencies are waited for. "" = none.
  std::string prepare;
};

// The plan of `up`. Leftovers of an interrupted recreate are finished or removed.
Plan reconcile(const DesiredState& desired, const ObservedState& observed,
               const ReconcileOptions& options = {});

// What would undo what a failed plan made from nothing (containers, networks, volumes that did not exist
// before); `performed[i]` tells whether plan.actions[i] was carried out, `ids[i]` the container id it made.
// For plans that failed at an image: then nothing of a new project shall stay behind. Replaced containers are
// not undone.
Plan undo(const Plan& plan, const std::vector<bool>& performed, const std::vector<std::string>& ids);

}  // namespace stack::orchestrator
