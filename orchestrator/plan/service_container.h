// One Compose service -> the description of its containers, without what depends on the replica's number.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/container.h"
#include "orchestrator/compose/project.h"

namespace stack::orchestrator {

// Name, labels of ours, own aliases and "container name" references to replicas are left to the caller, but
// `service:x` references already are "container:<name of x's first container>".
Result<ContainerSpec> service_spec(const compose::Project& project, const compose::Service& service);

// Services whose namespaces (network_mode, ipc, pid, uts, cgroup) or volumes (volumes_from) this one uses;
// sorted.
std::vector<std::string> shared_services(const compose::Service& service);

// The name of the container with this number.
std::string service_container_name(const compose::Project& project, const compose::Service& service,
                                   int number);

// What of the service this program does not do: one sentence each.
std::vector<std::string> unsupported_parts(const compose::Service& service);

}  // namespace stack::orchestrator
