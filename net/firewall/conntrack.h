// Deletes tracked connections (ctnetlink), so that a change of NAT applies to existing flows.
#pragma once

#include <cstdint>
#include <set>

#include "model/address.h"
#include "net/link/host.h"

namespace stack::net {

// Deletes UDP flows whose original destination port is one of these, except flows with only source NAT (queries to
// outside servers). A client that keeps sending keeps its entry and the old destination alive. Makes one pass over the
// table, filtered by the kernel.
Result<> forget_udp_flows(Host& host, Family family, const std::set<uint16_t>& host_ports);

}  // namespace stack::net
