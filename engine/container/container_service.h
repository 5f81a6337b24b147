// What clients and plans request of containers: create, start, stop, restart, remove, and more. The life table (life.h)
// decides what is possible; the parts below do the work.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "engine/container/container_factory.h"
#include "engine/container/container_roots.h"
#include "engine/container/container_streams.h"
#include "engine/container/recovery.h"

namespace stack::engine {

// Whether a stopped container stays stopped, or is about to start again.
enum class StopPurpose { Rest, Restart };

class ContainerService {
 public:
  ContainerService(Context& context, ContainerParts& parts);

  // See ContainerFactory.
  Task<Result<ContainerPtr>> create(ContainerSpec spec, CreateOptions options) {
    return factory_.create(std::move(spec), std::move(options));
  }
  // false: it was already running.
  Task<Result<bool>> start(ContainerPtr container);
  // false: it was not running. nullopt: the container's own timeout; negative: no timeout. "" = its own signal.
  // Restart: its restart policy stays in force.
  Task<Result<bool>> stop(ContainerPtr container, std::optional<std::chrono::seconds> timeout,
                          std::string signal = "", StopPurpose purpose = StopPurpose::Rest);
  Task<Result<>> restart(ContainerPtr container, std::optional<std::chrono::seconds> timeout);
  Task<Result<>> kill(ContainerPtr container, std::string signal);
  Task<Result<>> pause(ContainerPtr container);
  Task<Result<>> unpause(ContainerPtr container);
  // `volumes`: also removes anonymous volumes. Conflict for a running container without `force`.
  Task<Result<>> remove(ContainerPtr container, bool force, bool volumes);
  Task<Result<>> rename(ContainerPtr container, std::string name);
  // Container `name` no longer knows another one as `alias` (`docker rm --link name/alias`).
  Result<> remove_link(const std::string& name, const std::string& alias);
  // Limits of 0 (or "", or null) stay unchanged; a new restart policy applies from the next exit.
  Task<Result<>> update(ContainerPtr container, ResourceSpec changes, std::optional<RestartSpec> restart);

  enum class Condition { NotRunning, NextExit, Removed };
  // Returns the exit code. NotRunning returns immediately if it does not run, otherwise at the next exit of its command,
  // even if the restart policy restarts it. `stop` ends the wait.
  Task<Result<int>> wait(ContainerPtr container, Condition condition, std::stop_token stop = {});
  // See ContainerRemoval.
  std::optional<int> exit_code_of_removed(const std::string& id) const { return removal_.exit_code_of(id); }

  const ContainerFacts& facts() const { return facts_; }
  SeccompFilters& seccomp_filters() { return filters_; }
  Supervisor& supervisor() { return supervisor_; }
  ContainerRoots& roots() { return roots_; }
  ContainerStreams& streams() { return streams_; }
  Recovery& recovery() { return recovery_; }
  ContainerParts& parts() const { return parts_; }
  Context& context() const { return context_; }

 private:
  Task<Result<bool>> start_in_turn(ContainerPtr container);
  Task<Result<bool>> stop_now(ContainerPtr container, int signal, std::optional<std::chrono::seconds> timeout,
                              StopPurpose purpose);

  Context& context_;
  ContainerParts& parts_;
  ContainerFacts facts_;
  SeccompFilters filters_;
  ContainerVolumes volumes_;
  ContainerRemoval removal_;
  ContainerFactory factory_;
  MonitorRequests requests_;
  Supervisor supervisor_;
  ContainerRoots roots_;
  ContainerStreams streams_;
  Recovery recovery_;
};

}  // namespace stack::engine
