// The parts of the engine that containers use.
#pragma once

#include "engine/network/network_service.h"
#include "images/store/store.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/monitor/client.h"
#include "volumes/volume_store.h"

namespace stack::engine {

struct ContainerParts {
  images::ImageStore& images;
  volumes::VolumeStore& volumes;
  NetworkService& networks;
  runtime::Cgroups cgroups;
  runtime::MonitorProgram monitor_program;
};

}  // namespace stack::engine
