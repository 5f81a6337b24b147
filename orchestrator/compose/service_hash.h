// What of a service requires a new container, as a text that is stored with the container, and its hash, the label
// com.docker.compose.config-hash.
#pragma once

#include <string>

#include "orchestrator/compose/project.h"

namespace stack::compose {

// Canonical, versioned JSON of the service's container configuration. The contents of configs and secrets must have been
// loaded; the text has their digests.
std::string canonical_service(const Project& project, const Service& service);
// SHA-256 of that text, 64 hexadecimal digits.
std::string service_hash(const Project& project, const Service& service);

}  // namespace stack::compose
