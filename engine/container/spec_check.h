// Checks of a container's specification that need neither its image nor other containers. Texts as in Docker.
#pragma once

#include <optional>
#include <string>

#include "model/container.h"

namespace stack::engine {

struct SpecFault {
  std::string attribute;  // of the Compose service, as a JSON pointer: "/mem_limit"; "" = unknown
  std::string text;
};

// The first fault; nullopt if there is none. `cpus`: number of the machine's CPUs that can be used, counted from 0.
std::optional<SpecFault> find_fault(const ContainerSpec& spec, unsigned cpus);

}  // namespace stack::engine
