// Commands that change a project: makes a plan from the desired and the observed state, and executes it while
// holding the project's lock. The only path from a Compose project to running containers.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/project/project_command.h"
#include "engine/project/project_lock.h"
#include "engine/project/project_plans.h"
#include "engine/project/stored_projects.h"

namespace stack::engine {

class ProjectService {
 public:
  explicit ProjectService(const ProjectParts& parts)
      : parts_(parts), stored_(parts.engine), locks_(parts.engine.io) {}

  Result<> load() { return stored_.load(); }
  // Resumes the commands of an earlier engine with new plans from the observed state. Call after the recovery of
  // containers.
  void resume();
  // Starts containers whose restart policy requires it, in the order of their projects.
  void start_by_policy(std::vector<ContainerPtr> stopped);
  // For a shutdown of the machine: stops every container, dependents first, so that their policies start them at
  // the next boot.
  Task<> stop_for_reboot();

  const StoredProjects& stored() const { return stored_; }
  // The verb of the command that changes the project now, "" = none.
  std::string lock_holder(const std::string& name) const { return locks_.holder(name); }

  // up, down, start, stop, restart, kill, rm, pause, unpause, build, pull, run. The command receives all events,
  // including the last. `body` is the request's body: any JSON.
  Task<> perform(std::string name, Json body, CommandPtr command);
  // The plan of the command `body.command` (absent: up).
  Task<Result<OrderedJson>> plan(std::string name, Json body);

 private:
  Task<> perform_locked(std::string name, Json body, CommandPtr command);
  Task<std::optional<int>> carry_out(std::shared_ptr<const orchestrator::Plan> plan, Json body,
                                     CommandPtr command);
  Task<> undo(std::shared_ptr<const orchestrator::Plan> plan, orchestrator::ExecutionReport report,
              CommandPtr command);
  Task<> create_one_off(LoadedProject loaded, Json body, CommandPtr command);
  Result<> keep(const PlannedCommand& planned, const Json& body, const std::string& verb);
  void forget_if_empty(const std::string& name);
  Task<> start_project(std::string name, std::vector<ContainerPtr> containers);
  void settle_interrupted(const std::string& name);
  void resume_operation(const std::string& project, const Json& row);

  ProjectParts parts_;
  StoredProjects stored_;
  ProjectLocks locks_;
  std::set<std::string> interrupted_;  // projects with an unfinished command of an earlier engine
};

}  // namespace stack::engine
