// The contents of /etc/hosts and /etc/resolv.conf in containers. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/container.h"

namespace stack::engine {

// The names after a container's own addresses in /etc/hosts: "host.domain host", or "host".
std::string own_host_names(const ContainerSpec& spec, const std::string& short_id);

// The lines that do not depend on endpoints: localhost, and extra_hosts in order, with host-gateway replaced by this
// address.
std::string fixed_hosts(const std::vector<std::string>& extra_hosts, const std::string& host_gateway,
                        bool ipv6);

// "10.89.1.5\tweb\n" for each address.
std::string endpoint_hosts(const std::vector<std::string>& addresses, const std::string& names);

// The current text of a running container's file, with the lines of its `former` addresses replaced by lines for
// `addresses`. Other lines stay, including those that the container wrote.
std::string update_hosts(std::string_view present, const std::vector<std::string>& former,
                         const std::vector<std::string>& addresses, const std::string& names);

// The settings of resolv.conf(5): words separated by blanks, without comments. The last `search` or `domain` wins.
struct ResolverSettings {
  std::vector<std::string> servers;
  std::vector<std::string> search;
  std::vector<std::string> options;
};
ResolverSettings parse_resolver_settings(std::string_view resolv_conf);

// A container's file: the host's settings, overridden by the container's. `embedded`: use the engine's DNS server.
std::string resolv_conf_text(ResolverSettings host, const ContainerSpec& spec, bool embedded);

}  // namespace stack::engine
