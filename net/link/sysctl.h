// Kernel parameters below /proc/sys/net of one namespace (Documentation/networking/ip-sysctl.rst).
#pragma once

#include <string>

#include "base/result.h"
#include "net/link/host.h"

namespace stack::net {

// `name` with slashes, "ipv4/ip_forward". Text without the line end.
Result<std::string> read_sysctl(int netns_fd, const std::string& name);
Result<> write_sysctl(int netns_fd, const std::string& name, const std::string& value);

// net.ipv4.ip_forward = 1. True: it was off, so the caller tells the user, remembers it and sets
// FirewallOptions::drop_foreign_forwarding.
Result<bool> enable_ipv4_forwarding(Host& host);

// net.ipv6.conf.all.forwarding = 1. Interfaces that take their own routes from router advertisements would
// stop doing so; they get accept_ra = 2. Needed only where a network has IPv6. True: it was off.
Result<bool> enable_ipv6_forwarding(Host& host);

}  // namespace stack::net
