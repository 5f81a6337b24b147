// Health probes of running containers. The decisions are model/health.h's; here is only the doing.
#pragma once

#include "engine/container/exec_service.h"

namespace stack::engine {

class HealthService {
 public:
  HealthService(Context& context, ContainerService& containers, ExecService& execs)
      : context_(context), containers_(containers), execs_(execs) {}

  // Begins probing for the container's present run; ends by itself with it. No effect without a health check.
  void watch(ContainerPtr container);
  // The container's own check, or its image's; nullopt for none.
  std::optional<HealthcheckSpec> check_of(const Container& container) const;

 private:
  Task<> probe_loop(ContainerPtr container, std::shared_ptr<ContainerProcess> process, HealthcheckSpec check);
  Task<ProbeResult> probe(ContainerPtr container, HealthcheckSpec check);

  Context& context_;
  ContainerService& containers_;
  ExecService& execs_;
};

}  // namespace stack::engine
