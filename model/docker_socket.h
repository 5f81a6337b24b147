// Docker's socket, as compose files and `docker run -v` name it. A container that mounts it gets the socket of
// our own API instead, whether Docker is on the machine or not: what runs here is known to our engine alone.
#pragma once

#include <string_view>

namespace stack {

inline bool is_docker_socket(std::string_view host_path) {
  return host_path == "/var/run/docker.sock" || host_path == "/run/docker.sock";
}

}  // namespace stack
