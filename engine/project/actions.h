// Implements the actions of a plan with the engine's services.
#pragma once

#include <stop_token>

#include "engine/project/project_command.h"
#include "engine/project/project_parts.h"
#include "orchestrator/plan/target.h"

namespace stack::engine {

// The requesting command, its options, and its stop token. Not an aggregate, for g++ 12.
struct ActionContext {
  ActionContext(const ProjectParts& engine_parts, CommandPtr by, const BuildSettings& build_settings,
                orchestrator::ActionId action_id, std::stop_token stop_token)
      : parts(engine_parts),
        command(std::move(by)),
        settings(build_settings),
        id(action_id),
        stop(std::move(stop_token)) {}

  const ProjectParts& parts;
  CommandPtr command;
  const BuildSettings& settings;
  orchestrator::ActionId id;
  std::stop_token stop;

  void tell(OrderedJson event) const { command->tell(std::move(event)); }
};

using ActionTask = Task<orchestrator::ActionResult>;

ActionTask carry_out(ActionContext context, orchestrator::CreateNetwork action);
ActionTask carry_out(ActionContext context, orchestrator::RemoveNetwork action);
ActionTask carry_out(ActionContext context, orchestrator::ConnectNetwork action);
ActionTask carry_out(ActionContext context, orchestrator::DisconnectNetwork action);
ActionTask carry_out(ActionContext context, orchestrator::CreateVolume action);
ActionTask carry_out(ActionContext context, orchestrator::RemoveVolume action);
ActionTask carry_out(ActionContext context, orchestrator::BuildImage action);
ActionTask carry_out(ActionContext context, orchestrator::PullImage action);
ActionTask carry_out(ActionContext context, orchestrator::RemoveImage action);
ActionTask carry_out(ActionContext context, orchestrator::CreateContainer action);
ActionTask carry_out(ActionContext context, orchestrator::RenameContainer action);
ActionTask carry_out(ActionContext context, orchestrator::StartContainer action);
ActionTask carry_out(ActionContext context, orchestrator::StopContainer action);
ActionTask carry_out(ActionContext context, orchestrator::KillContainer action);
ActionTask carry_out(ActionContext context, orchestrator::RemoveContainer action);
ActionTask carry_out(ActionContext context, orchestrator::PauseContainer action);
ActionTask carry_out(ActionContext context, orchestrator::UnpauseContainer action);
ActionTask carry_out(ActionContext context, orchestrator::WaitRunning action);
ActionTask carry_out(ActionContext context, orchestrator::WaitHealthy action);
ActionTask carry_out(ActionContext context, orchestrator::WaitCompleted action);
ActionTask carry_out(ActionContext context, orchestrator::WaitAccepted action);
ActionTask carry_out(ActionContext context, orchestrator::WaitDelay action);
ActionTask carry_out(ActionContext context, orchestrator::RunHook action);
ActionTask carry_out(ActionContext context, orchestrator::RunPreStart action);
// Handled by the executor, never here.
ActionTask carry_out(ActionContext context, orchestrator::CheckUpdate action);

}  // namespace stack::engine
