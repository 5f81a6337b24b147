// The JSON form of a container: the body of Docker's POST /containers/create (Engine API 1.44 or later: Config
// members at the top, "HostConfig", "NetworkingConfig") with our own members under "Stack".
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "model/container.h"

namespace stack::docker {

Json container_to_json(const ContainerSpec& spec);
// Accepts what Docker clients send (HostConfig.Binds and Mounts and Tmpfs, PortBindings, ...).
// Wrongly typed members are errors that name the member.
Result<ContainerSpec> container_from_json(const Json& body);

Json endpoint_to_json(const EndpointSpec& endpoint);
// One member of NetworkingConfig.EndpointsConfig, and EndpointConfig of POST /networks/{id}/connect. null is an
// endpoint without settings.
Result<EndpointSpec> endpoint_from_json(const Json& json, const std::string& network);

}  // namespace stack::docker
