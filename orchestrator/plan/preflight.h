// Finds all problems that would make a plan fail, before its first change.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/compose/project.h"
#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"
#include "orchestrator/plan/plan.h"

namespace stack::orchestrator {

struct Problem {
  std::string text;  // "compose.yaml:7:9: service web: port 8080/tcp is taken by nginx (pid 812)"
};

// Facts about the machine, as callbacks, so that the check itself stays pure. An unset callback reports no problem.
struct HostFacts {
  // The owner of the port ("process nginx (pid 812)", "container blog-web-1"), or nullopt if it is free. Ports of this
  // project's containers count as free, because the plan handles them.
  std::function<std::optional<std::string>(const std::optional<IpAddress>& host_ip, uint16_t port,
                                           Protocol protocol)>
      port_taken;
  std::function<bool(const std::string& path)> path_exists;
  // Whether a reference can be pulled.
  std::function<bool(const std::string& reference)> can_pull;
  // Whether a container outside this project has that name or ID (network_mode, volumes_from container:x).
  std::function<bool(const std::string& name)> container_known;
  // What the engine would refuse in a container's specification: the attribute of the service as a JSON pointer, and the
  // reason.
  std::function<std::optional<std::pair<std::string, std::string>>(const ContainerSpec& spec)> fault_of;
};

// A port that a container of this project currently holds.
struct HeldPort {
  ContainerId container;
  PortSpec port;
};

// `held` extends ObservedContainer::ports.
std::vector<Problem> preflight(const compose::Project& project, const DesiredState& desired, const Plan& plan,
                               const ObservedState& observed, const HostFacts& facts,
                               const std::vector<HeldPort>& held = {});

}  // namespace stack::orchestrator
