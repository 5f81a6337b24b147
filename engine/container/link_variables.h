// The variables of `docker run --link` on the default network (moby, daemon/links): DB_NAME, DB_PORT, DB_PORT_5432_TCP_ADDR,
// DB_ENV_... of the linked container. On other networks links are only names.
#pragma once

#include <string>
#include <vector>

namespace stack::engine {

struct LinkTarget {
  std::string address;             // IPv4
  std::vector<std::string> ports;  // "5432/tcp", in any order
  std::vector<std::string> env;    // "K=V"; HOME and PATH are left out
};

// For the container `name`, which calls the target `alias`.
std::vector<std::string> link_variables(const std::string& name, const std::string& alias, LinkTarget target);

}  // namespace stack::engine
