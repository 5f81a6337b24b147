// The plans of build, down, start, stop, restart, kill, rm, pause, and unpause. All except build need only labels; the
// desired state, if known, adds order and resources. Pure.
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

// Builds every image of the state that has a `build`.
Plan plan_build(const DesiredState& desired, const ObservedState& observed);

struct DownOptions {
  std::vector<std::string> services;  // including their dependents; empty: all, including networks
  bool volumes = false;  // also named volumes of the project and anonymous volumes of the containers
  std::string rmi;       // "", "local" (built images without a custom name), "all"
  bool remove_orphans = false;
  std::optional<std::chrono::seconds> timeout;
};
// Dependents stop before their dependencies; everything else is parallel. Containers whose service is not in the file
// are orphans: they stay, with a warning, unless remove_orphans is set or the project is unknown (`desired` null).
Plan plan_down(const DesiredState* desired, const ObservedState& observed, const DownOptions& options = {});

struct OperationOptions {
  std::vector<std::string> services;  // empty: all
  std::optional<std::chrono::seconds> timeout;
  std::string signal;    // kill
  bool no_deps = false;  // start: skip dependencies; restart: skip dependents with `restart: true`
  bool stop = false;     // rm: stop running containers first
  bool volumes = false;  // rm: also remove anonymous volumes
  bool wait = false;     // start: until running or healthy
};
// An unknown service, or a service without a required container, is an Invalid or NotFound error.
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
