// The redirect to the embedded DNS server inside a container's namespace.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace stack::net {

// Redirects 127.0.0.11:53 (UDP and TCP) to 127.0.0.11:<port>, where the DNS sockets of this namespace listen; answers
// appear to come from port 53. The sockets do not use port 53, so that the container can. One transaction (table "ip
// stack_dns"); a repeated call replaces it. IPv4 only, like the address.
Result<> install_dns_redirect(int netns_fd, uint16_t udp_port, uint16_t tcp_port);

}  // namespace stack::net
