// The plans of build, down, start, stop, restart, kill, rm, pause and unpause. All but build work from labels
// alone; the desired state adds order and resources where it is known. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"
#include "orchestrator/plan/plan.h"

namespace stack::orchestrator {

// Builds every image of the state that has a `build`.
Plan plan_build(const DesiredState& desired, const ObservedState& observed);

struct DownOptions {
  std::vector<std::string> services;  // with their dependents; empty: all, networks included
  bool volumes = false;               // named volumes of the project and anonymous ones of the containers
  std::string rmi;                    // "", "local" (built ones without an image name of their own), "all"
  bool remove_orphans = false;
  std::optional<std::chrono::seconds> timeout;
};
// Dependents stop before what they depend on; all else is parallel. Containers whose service is in no file
// are orphans: they stay, with a warning, unless remove_orphans or the project is not known (`desired` null).
Plan plan_down(const DesiredState* desired, const ObservedState& observed, const DownOptions& options = {});

// Starts the containers that restart policies want after the machine or the engine came back, in the order
// and under the conditions of their dependencies. What a dependency fails to fulfill does not keep its
// dependents from being started.
Plan plan_boot(const DesiredState* desired, const ObservedState& observed, const std::set<std::string>& ids);

struct OperationOptions {
  std::vector<std::string> services;  // empty: all
  std::optional<std::chrono::seconds> timeout;
  std::string signal;    // kill
  bool no_deps = false;  // start: not what it depends on; restart: not the dependents that ask for it
  bool stop = false;     // rm: stop running ones first
  bool volumes = false;  // rm: anonymous volumes too
  bool wait = false;     // start: until running or healthy
};
// An unknown service, or one without any container where one is needed, is an Invalid or NotFound error.
Result<Plan> plan_start(const DesiredState* desired, const ObservedState& observed,
                        const OperationOptions& options);
Result<Plan> plan_stop(const DesiredState* desired, const ObservedState& observed,
                       const OperationOptions& options);
Result<Plan> plan_restart(const DesiredState* desired, const ObservedState& observed,
                          const OperationOptions& options);
Result<Plan> plan_kill(const DesiredState* desired, const ObservedState& observed,
                       const OperationOptions& options);
Result<Plan> plan_rm(const DesiredState* desired, const ObservedState& observed,
                     const OperationOptions& options);
Result<Plan> plan_pause(const DesiredState* desired, const ObservedState& observed,
                        const OperationOptions& options);
Result<Plan> plan_unpause(const DesiredState* desired, const ObservedState& observed,
                          const OperationOptions& options);

}  // namespace stack::orchestrator
