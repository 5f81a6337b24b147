// What each action of a plan does, in terms of the engine's services; and the plan's journal and progress.
#pragma once

#include "engine/image/build_service.h"
#include "engine/project/project_state.h"
#include "orchestrator/plan/executor.h"
#include "orchestrator/plan/wait.h"

namespace stack::engine {

class EngineDrivers : public orchestrator::Drivers {
 public:
  EngineDrivers(ProjectService::State& state, std::shared_ptr<const orchestrator::Plan> plan, Sink sink,
                BuildSettings settings)
      : state_(state), plan_(std::move(plan)), sink_(std::move(sink)), settings_(std::move(settings)) {}

  template <typename T = void>
  using DriverTask = orchestrator::DriverTask<T>;
  using Id = orchestrator::ActionId;

  DriverTask<> create_network(Id id, orchestrator::CreateNetwork action) override;
  DriverTask<> remove_network(Id id, orchestrator::RemoveNetwork action) override;
  DriverTask<> create_volume(Id id, orchestrator::CreateVolume action) override;
  DriverTask<> remove_volume(Id id, orchestrator::RemoveVolume action) override;
  DriverTask<std::string> build_image(Id id, orchestrator::BuildImage action) override;
  DriverTask<std::string> pull_image(Id id, orchestrator::PullImage action) override;
  DriverTask<> remove_image(Id id, orchestrator::RemoveImage action) override;
  DriverTask<std::string> create_container(Id id, orchestrator::CreateContainer action) override;
  DriverTask<> rename_container(Id id, orchestrator::RenameContainer action) override;
  DriverTask<> start_container(Id id, orchestrator::StartContainer action) override;
  DriverTask<> stop_container(Id id, orchestrator::StopContainer action) override;
  DriverTask<> kill_container(Id id, orchestrator::KillContainer action) override;
  DriverTask<> remove_container(Id id, orchestrator::RemoveContainer action) override;
  DriverTask<> pause_container(Id id, orchestrator::PauseContainer action) override;
  DriverTask<> unpause_container(Id id, orchestrator::UnpauseContainer action) override;
  DriverTask<> wait_running(Id id, orchestrator::WaitRunning action) override;
  DriverTask<> wait_healthy(Id id, orchestrator::WaitHealthy action) override;
  DriverTask<> wait_completed(Id id, orchestrator::WaitCompleted action) override;
  DriverTask<> wait_accepted(Id id, orchestrator::WaitAccepted action) override;
  DriverTask<> wait_delay(Id id, orchestrator::WaitDelay action) override;
  DriverTask<> run_hook(Id id, orchestrator::RunHook action) override;
  DriverTask<> run_pre_start(Id id, orchestrator::RunPreStart action) override;
  DriverTask<> connect_network(Id id, orchestrator::ConnectNetwork action) override;
  DriverTask<> disconnect_network(Id id, orchestrator::DisconnectNetwork action) override;

 private:
  template <typename Judge>
  DriverTask<> wait_for(Id id, orchestrator::ContainerRef container, Judge judge);
  Task<Result<ContainerPtr>> hook_container(orchestrator::RunPreStart action);
  orchestrator::WaitFacts facts_of(const Container& container) const;
  std::vector<std::string> last_words(const Container& container) const;

  ProjectService::State& state_;
  std::shared_ptr<const orchestrator::Plan> plan_;
  Sink sink_;
  BuildSettings settings_;
};

// The goal stands in the store while the plan runs; after a crash the next engine plans for it again.
class ProjectJournal : public orchestrator::Journal {
 public:
  // `kind` "" keeps nothing: such plans are not resumed.
  ProjectJournal(Store& store, std::string project, std::string kind, Json goal)
      : store_(store), project_(std::move(project)), kind_(std::move(kind)), goal_(std::move(goal)) {}

  Result<> begin(const orchestrator::Plan& plan) override;
  Result<> before(const orchestrator::Action& action) override;
  void after(const orchestrator::Action& action, const orchestrator::Outcome& outcome) override;
  void finish(bool succeeded) override;

 private:
  Store& store_;
  std::string project_;
  std::string kind_;
  Json goal_;
};

class SinkProgress : public orchestrator::Progress {
 public:
  explicit SinkProgress(Sink sink) : sink_(std::move(sink)) {}
  void changed(const orchestrator::Action& action, const orchestrator::Outcome& outcome) override;

 private:
  Sink sink_;
};

}  // namespace stack::engine
