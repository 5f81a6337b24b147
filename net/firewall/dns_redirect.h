// The way to the embedded DNS server inside a container's own namespace.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace stack::net {

// 127.0.0.11:53, UDP and TCP, leads to 127.0.0.11:<port>, where the DNS server's sockets of this namespace
// listen; answers appear to come from port 53 again. Not port 53 itself, so that the container may serve it.
// One transaction (table "ip stack_dns"); calling again replaces. IPv4 only, as the address is.
Result<> install_dns_redirect(int netns_fd, uint16_t udp_port, uint16_t tcp_port);

}  // namespace stack::net
