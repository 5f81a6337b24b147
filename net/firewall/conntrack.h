// Forgetting tracked connections (ctnetlink), so that a change of NAT reaches flows that are already running.
#pragma once

#include <cstdint>
#include <set>

#include "model/address.h"
#include "net/link/host.h"

namespace stack::net {

// Deletes UDP flows whose original destination port is one of these, unless they only leave through source
// NAT (somebody's query to a server outside). UDP has no connections: a client that keeps sending keeps its
// entry alive, and with it the destination of old. One pass over the table, the kernel filters.
Result<> forget_udp_flows(Host& host, Family family, const std::set<uint16_t>& host_ports);

}  // namespace stack::net
