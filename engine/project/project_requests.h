// Reads the bodies of project requests (docs/API.md). Members of the wrong type count as absent, except the project
// itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "orchestrator/compose/project.h"
#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/executor.h"
#include "orchestrator/plan/operations.h"
#include "orchestrator/plan/pull.h"
#include "orchestrator/plan/reconcile.h"

namespace stack::engine {

// Strings of a list member; other items are left out.
std::vector<std::string> strings_of(const Json& object, const char* key);
// The member "options", or an empty object.
Json options_of(const Json& body);

orchestrator::ReconcileOptions reconcile_options(const Json& options);
orchestrator::DesiredOptions desired_options(const Json& options);
orchestrator::DownOptions down_options(const Json& options);
orchestrator::OperationOptions operation_options(const Json& body);
orchestrator::RunOptions run_options(const Json& options);
orchestrator::PullOptions pull_options(const Json& options);
orchestrator::ExecuteOptions execute_options(const Json& options);

// The project of a request and its desired state on this machine.
struct LoadedProject {
  compose::Project project;
  orchestrator::DesiredState desired;
};
// Invalid if the body has no project, or one with another name.
Result<LoadedProject> load_project(const std::string& name, const Json& body,
                                   const orchestrator::DesiredOptions& options);

}  // namespace stack::engine
