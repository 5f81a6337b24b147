// Docker's socket in Compose files and `docker run -v`. A container that mounts it gets the socket of our API instead, even
// if Docker is installed, because only our engine knows its containers.
#pragma once

#include <string_view>

namespace stack {

inline bool is_docker_socket(std::string_view host_path) {
  return host_path == "/var/run/docker.sock" || host_path == "/run/docker.sock";
}

}  // namespace stack
