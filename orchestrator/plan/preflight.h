// What would make a plan fail, found before its first change, and all of it at once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/compose/project.h"
#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"
#include "orchestrator/plan/plan.h"

namespace stack::orchestrator {

struct Problem {
  std::string text;  // "compose.yaml:7:9: service web: port 8080/tcp is taken by nginx (pid 812)"
};

// The machine, asked by callbacks so that the check itself stays pure. Unset callbacks find nothing wrong.
struct HostFacts {
  // Who listens there ("process nginx (pid 812)", "container blog-web-1"), or nullopt when it is free. Ports
  // held by this project's own containers count as free here: they are judged by the plan.
  std::function<std::optional<std::string>(const std::string& host_ip, uint16_t port,
                                           const std::string& protocol)>
      port_taken;
  std::function<bool(const std::string& path)> path_exists;
  // Whether a reference can be had from somewhere else than this machine.
  std::function<bool(const std::string& reference)> can_pull;
  // A container that is not of this project exists under that name or id (network_mode, volumes_from
  // container:x).
  std::function<bool(const std::string& name)> container_known;
};

// A port that a container of this project holds now.
struct HeldPort {
  std::string container_id;
  PortSpec port;
};

// `held` adds to ObservedContainer::ports.
std::vector<Problem> preflight(const compose::Project& project, const DesiredState& desired, const Plan& plan,
                               const ObservedState& observed, const HostFacts& facts,
                               const std::vector<HeldPort>& held = {});

}  // namespace stack::orchestrator
