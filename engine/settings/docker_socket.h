// The link at which Docker's clients look for a socket.
#pragma once

#include <string>

#include "base/result.h"

namespace stack::engine {

// Makes `path` a link to `socket`. Replaces a link that leads nowhere; leaves anything else and returns an error.
Result<> link_docker_socket(const std::string& path, const std::string& socket);

// Whether `path` is a link to `socket`.
bool is_docker_socket(const std::string& path, const std::string& socket);

}  // namespace stack::engine
