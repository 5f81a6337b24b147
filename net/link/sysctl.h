// Kernel parameters below /proc/sys/net of one namespace (Documentation/networking/ip-sysctl.rst).
#pragma once

#include <string>

#include "base/result.h"
#include "net/link/host.h"

namespace stack::net {

// `name` uses slashes: "ipv4/ip_forward". Returns the text without the line break.
Result<std::string> read_sysctl(int netns_fd, const std::string& name);
Result<> write_sysctl(int netns_fd, const std::string& name, const std::string& value);

// net.ipv4.ip_forward = 1. Returns true if it was off; the caller then logs and records this, and sets
// FirewallOptions::drop_foreign_forwarding.
Result<bool> enable_ipv4_forwarding(Host& host);

// net.ipv6.conf.all.forwarding = 1. Interfaces that use router advertisements get accept_ra = 2, because they would
// otherwise ignore them. Needed only for networks with IPv6. Returns true if it was off.
Result<bool> enable_ipv6_forwarding(Host& host);

}  // namespace stack::net
