// Commands that change a project: a plan is made from what is wanted and what is there, and carried out while
// the project's lock is held. The one way from a compose project to running containers.
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
  // Finishes what an earlier engine was about: plans again from what is there. Call after containers were
  // recovered.
  void resume();
  // Starts containers that their restart policy wants to run, in the order of their projects.
  void start_by_policy(std::vector<ContainerPtr> stopped);
  // The machine goes down: stops every container, dependents first, so that the next boot starts them again
  // by their policies.
  Task<> stop_for_reboot();

  const StoredProjects& stored() const { return stored_; }
  // The verb of the command that changes the project now, "" = none.
  std::string lock_holder(const std::string& name) const { return locks_.holder(name); }

  // up, down, start, stop, restart, kill, rm, pause, unpause, build, pull, run. The command is told everything,
  // the last event included. `body` is the request's: any JSON.
  Task<> perform(std::string name, Json body, CommandPtr command);
  // What the command `body.command` (absent: up) would do.
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
  std::set<std::string> interrupted_;  // projects whose command of an earlier engine is still in the store
};

}  // namespace stack::engine
