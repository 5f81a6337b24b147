// The proxies of Docker's client configuration: member "proxies" of config.json.
// https://docs.docker.com/engine/cli/proxy/
#pragma once

#include <map>
#include <string>

#include "cli/render/terminal.h"

namespace stack::cli {

// $DOCKER_CONFIG/config.json or ~/.docker/config.json; "" without a home directory.
std::string docker_config_path(const Environment& environment);

// HTTP_PROXY, http_proxy, and so on, each in both cases, for the engine at `socket` ("unix:///run/stack/stack.sock"), or "default".
// Empty without a readable configuration.
std::map<std::string, std::string> docker_proxies(const Environment& environment, const std::string& socket);

}  // namespace stack::cli
