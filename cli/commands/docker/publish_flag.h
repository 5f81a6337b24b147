// -p, -P and --expose of the docker command line.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "cli/flags/flags.h"

namespace stack::cli::docker_cli {

// Fills "ExposedPorts" of the body and "PortBindings", "PublishAllPorts" of its HostConfig.
Result<> put_ports(Json& body, Json& host, const Arguments& arguments);

// "[ip:][host[-end]:]container[-end][/protocol]": one entry for each container port in `bindings` ({"80/tcp":
// [{"HostIp","HostPort"}]}); the key in `exposed`. The engine handles a host range for one container port.
Result<> parse_publish_flag(const std::string& text, Json& exposed, Json& bindings);

}  // namespace stack::cli::docker_cli
