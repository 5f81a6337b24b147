// The requests that start a container's monitor, built from the container's record.
#pragma once

#include <string>
#include <vector>

#include "engine/container/container_facts.h"
#include "engine/container/seccomp_filters.h"

namespace stack::engine {

class MonitorRequests {
 public:
  MonitorRequests(Context& context, ContainerParts& parts, const ContainerFacts& facts,
                  SeccompFilters& filters)
      : context_(context), parts_(parts), facts_(facts), filters_(filters) {}

  // To start the container. Writes the files that it mounts. Requires its network.
  Task<Result<runtime::LaunchRequest>> launch(ContainerPtr container);
  // For a running container that lost its monitor, without the parts that only the caller has: the process, its
  // streams, and its network namespace.
  Task<runtime::AdoptRequest> adopt(ContainerPtr container) const;

 private:
  runtime::EngineRestart engine_restart() const;
  // The variables that `--link` adds to the environment. Conflict if a linked container does not run.
  Task<Result<std::vector<std::string>>> link_environment(ContainerPtr container) const;
  // `user`: of its processes.
  Result<Json> config_of(const Container& container, const images::Image& image, const runtime::User& user,
                         const std::vector<std::string>& link_variables) const;
  Result<std::vector<OciInputs::OwnFile>> write_own_files(const Container& container) const;

  Context& context_;
  ContainerParts& parts_;
  const ContainerFacts& facts_;
  SeccompFilters& filters_;
};

}  // namespace stack::engine
