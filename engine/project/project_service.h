// Projects: the one road from a compose project to running containers. Plans are made by the orchestrator and
// carried out by Drivers; here are the lock, the store, the journal, and what the clients are told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/container/exec_service.h"
#include "engine/container/health_service.h"
#include "engine/image/build_service.h"
#include "orchestrator/compose/project.h"
#include "orchestrator/plan/executor.h"
#include "orchestrator/plan/observed.h"
#include "orchestrator/plan/operations.h"
#include "orchestrator/plan/reconcile.h"

namespace stack::engine {

// Gets each event of docs/API.md, in order; must not block.
using Sink = std::function<void(OrderedJson)>;

struct StoredProject {
  std::string name;
  std::string working_dir;
  std::vector<std::string> config_files;
  Json project;  // as the loader wrote it
};

class ProjectService {
 public:
  ProjectService(Context& context, ContainerService& containers, ExecService& execs, HealthService& health,
                 NetworkService& networks, BuildService& builds, RegistryService& registries);
  ~ProjectService();

  Result<> load();
  // Finishes what an earlier engine was about: plans again from what is there. Call after containers were
  // recovered.
  void resume();
  // Starts containers that their restart policy wants to run, in the order of their projects.
  void start_by_policy(std::vector<ContainerPtr> stopped);
  // The machine goes down: stops every container, dependents first, so that the next boot starts them again
  // by their policies.
  Task<> stop_for_reboot();

  std::vector<StoredProject> list() const;
  std::optional<StoredProject> find(const std::string& name) const;
  // Who holds the project's lock, "" = nobody.
  std::string lock_holder(const std::string& name) const;

  // Each tells the sink everything, the last event included. `body` is the request's.
  Task<> up(std::string name, Json body, Sink sink);
  Task<> down(std::string name, Json body, Sink sink);
  // start, stop, restart, kill, rm, pause, unpause
  Task<> operate(std::string verb, std::string name, Json body, Sink sink);
  Task<> build(std::string name, Json body, Sink sink,
               std::shared_ptr<orchestrator::Cancellation> cancellation);
  Task<> pull(std::string name, Json body, Sink sink,
              std::shared_ptr<orchestrator::Cancellation> cancellation);
  Task<> run(std::string name, Json body, Sink sink);
  Task<Result<OrderedJson>> plan(std::string name, Json body);

  orchestrator::ObservedState observe(const std::string& project,
                                      const orchestrator::DesiredState* desired) const;

  struct State;  // project_state.h

 private:
  Task<> start_project(std::string name, std::vector<ContainerPtr> containers);

  std::unique_ptr<State> state_;
};

}  // namespace stack::engine
