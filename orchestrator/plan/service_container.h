// Converts a Compose service to a container spec, without the parts that depend on the replica number.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/container.h"
#include "orchestrator/compose/project.h"

namespace stack::orchestrator {

// The caller sets the name, our labels, and our aliases. `service:x` references are already resolved to
// "container:<name of x's first container>".
Result<ContainerSpec> service_spec(const compose::Project& project, const compose::Service& service);

// "host=ip" -> "host:ip".
std::string extra_host_spec(std::string text);
MountSpec mount_spec(const compose::Project& project, const compose::VolumeMount& volume);

// Services whose namespaces (network_mode, ipc, pid, uts, cgroup) or volumes (volumes_from) this one uses; sorted.
std::vector<std::string> shared_services(const compose::Service& service);

// The name of the container with this number.
std::string service_container_name(const compose::Project& project, const compose::Service& service,
                                   int number);

// Warnings for unsupported settings of the service.
std::vector<std::string> unsupported_parts(const compose::Service& service);

}  // namespace stack::orchestrator
