// Our engine as the target of plans, with the journal and progress of a plan.
#pragma once

#include "engine/project/actions.h"
#include "orchestrator/plan/executor.h"

namespace stack::engine {

class EngineTarget : public orchestrator::Target {
 public:
  EngineTarget(const ProjectParts& parts, CommandPtr command, BuildSettings settings)
      : parts_(parts), command_(std::move(command)), settings_(std::move(settings)) {}

  asio::awaitable<orchestrator::ActionResult> perform(orchestrator::Action action,
                                                      std::stop_token stop) override;

 private:
  const ProjectParts& parts_;
  CommandPtr command_;
  BuildSettings settings_;
};

// The store has the goal while the plan runs: if the engine dies, the next one plans for it again.
class ProjectJournal : public orchestrator::Journal {
 public:
  // `kind` "" stores nothing: such plans are not resumed.
  ProjectJournal(Store& store, std::string project, std::string kind, Json goal)
      : store_(store), project_(std::move(project)), kind_(std::move(kind)), goal_(std::move(goal)) {}

  Result<> begin(const orchestrator::Plan& plan) override;
  void finish(bool succeeded) override;

 private:
  Store& store_;
  std::string project_;
  std::string kind_;
  Json goal_;
};

class CommandProgress : public orchestrator::Progress {
 public:
  explicit CommandProgress(CommandPtr command) : command_(std::move(command)) {}
  void changed(const orchestrator::Action& action, const orchestrator::Outcome& outcome) override;

 private:
  CommandPtr command_;
};

}  // namespace stack::engine
