// Makes the plan of each command from its request, the stored project, and the observed state. Changes nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/project/project_observer.h"
#include "engine/project/stored_projects.h"

namespace stack::engine {

struct PlannedCommand {
  std::shared_ptr<orchestrator::Plan> plan;
  std::optional<LoadedProject> loaded;          // always set for up, run, and build
  std::vector<orchestrator::Problem> problems;  // reasons not to execute the plan
};

class ProjectPlans {
 public:
  // Both must outlive this.
  ProjectPlans(const ProjectParts& parts, const StoredProjects& stored) : parts_(parts), stored_(stored) {}

  // `verb` as for ProjectService::perform.
  Task<Result<PlannedCommand>> make(std::string verb, std::string name, Json body) const;

 private:
  Task<Result<PlannedCommand>> up(std::string name, Json body) const;
  Task<Result<PlannedCommand>> run(std::string name, Json body) const;
  Task<Result<PlannedCommand>> build(std::string name, Json body) const;
  Result<PlannedCommand> pull(const std::string& name, const Json& body) const;
  Result<PlannedCommand> down(const std::string& name, const Json& body) const;
  Result<PlannedCommand> operation(const std::string& verb, const std::string& name, const Json& body) const;
  // The project of the request, or else the stored one; nullopt if neither exists or is readable.
  std::optional<LoadedProject> known_project(const std::string& name, const Json& body) const;

  const ProjectParts& parts_;
  const StoredProjects& stored_;
};

}  // namespace stack::engine
