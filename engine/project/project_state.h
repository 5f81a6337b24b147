// Shared between project_service.cpp and drivers.cpp only.
#pragma once

#include "base/async_mutex.h"
#include "engine/project/project_service.h"
#include "orchestrator/plan/preflight.h"

namespace stack::engine {

struct ProjectLock {
  explicit ProjectLock(asio::io_context& io) : mutex(io) {}
  AsyncMutex mutex;
  std::string holder;
  uint64_t commands = 0;  // that have asked for it so far
};

// Leaves out of the picture what a start of these containers must neither start nor wait for: other
// containers that do not run, except what has completed.
void keep_only(orchestrator::ObservedState& observed, const std::vector<std::string>& services,
               const std::vector<std::string>& ids);

struct ProjectService::State {
  Context& context;
  ContainerService& containers;
  ExecService& execs;
  HealthService& health;
  NetworkService& networks;
  BuildService& builds;
  RegistryService& registries;
  std::map<std::string, StoredProject> projects;
  std::map<std::string, std::shared_ptr<ProjectLock>> locks;
  int last_changed = 0;

  Task<AsyncMutex::Lock> lock(std::string name, std::string purpose, Sink sink);
  Result<> check_identity(const compose::Project& project) const;
  std::vector<orchestrator::Problem> preflight(const compose::Project& project,
                                               const orchestrator::DesiredState& desired,
                                               const orchestrator::Plan& plan,
                                               const orchestrator::ObservedState& observed);
  Task<bool> carry_out(std::shared_ptr<const orchestrator::Plan> plan, Json options, Sink sink,
                       std::string journal_kind, Json goal,
                       std::shared_ptr<orchestrator::Cancellation> cancellation);
  Result<> keep(const compose::Project& project, const Json& text);
  Result<> keep_if_changed(const compose::Project& project, const Json& text);
  void forget_if_empty(const std::string& name);
};

}  // namespace stack::engine
