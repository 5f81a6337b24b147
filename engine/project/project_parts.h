// The services that project commands use.
#pragma once

#include "engine/container/exec_service.h"
#include "engine/container/health_service.h"
#include "engine/image/build_service.h"

namespace stack::engine {

struct ProjectParts {
  Context& engine;
  ContainerService& containers;
  ExecService& execs;
  HealthService& health;
  NetworkService& networks;
  BuildService& builds;
  RegistryService& registries;
};

}  // namespace stack::engine
