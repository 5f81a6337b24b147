// Runs health probes of containers. model/health.h makes the decisions.
#pragma once

#include "engine/container/exec_service.h"

namespace stack::engine {

class HealthService {
 public:
  HealthService(Context& context, ContainerService& containers, ExecService& execs)
      : context_(context), containers_(containers), execs_(execs) {}

  // Probes the container until its current run ends. No effect without a health check. Restarts an unhealthy container
  // with the label io.stack.restart-on.
  void watch(ContainerPtr container);
  // The container's health check, or its image's; nullopt if there is none.
  // The container's check, with what it leaves to the image; also a disabled one.
  std::optional<HealthcheckSpec> configured(const Container& container) const;
  // The check to perform, with defaults.
  std::optional<HealthcheckSpec> check_of(const Container& container) const;

 private:
  Task<> probe_loop(ContainerPtr container, std::shared_ptr<ContainerProcess> process, HealthcheckSpec check);
  Task<> restart_unhealthy(ContainerPtr container, std::shared_ptr<ContainerProcess> process);
  Task<ProbeResult> probe(ContainerPtr container, HealthcheckSpec check);

  Context& context_;
  ContainerService& containers_;
  ExecService& execs_;
};

}  // namespace stack::engine
