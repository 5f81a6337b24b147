// --network, --ip, --link, --dns, and similar flags of the docker command line.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "cli/flags/flags.h"

namespace stack::cli::docker_cli {

// Fills "NetworkingConfig" of the body and "NetworkMode", "Links", "Dns...", "ExtraHosts" of its HostConfig.
Result<> put_networks(Json& body, Json& host, const Arguments& arguments);

// EndpointSettings of --alias, --ip, --ip6, --link, --link-local-ip, --driver-opt, --gw-priority of `network connect`.
Result<Json> endpoint_settings(const Arguments& arguments);

}  // namespace stack::cli::docker_cli
