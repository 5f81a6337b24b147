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
  Result<runtime::LaunchRequest> launch(const Container& container);
  // For a running container that lost its monitor, without the parts that only the caller has: the process, its
  // streams, and its network namespace.
  runtime::AdoptRequest adopt(const Container& container) const;

 private:
  runtime::EngineRestart engine_restart() const;
  // The variables that `--link` adds to the environment. Conflict if a linked container does not run.
  Result<std::vector<std::string>> link_environment(const Container& container) const;
  Result<Json> config_of(const Container& container, const images::Image& image) const;
  Result<std::vector<OciInputs::OwnFile>> write_own_files(const Container& container) const;

  Context& context_;
  ContainerParts& parts_;
  const ContainerFacts& facts_;
  SeccompFilters& filters_;
};

}  // namespace stack::engine
