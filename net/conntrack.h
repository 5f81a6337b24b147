// Forgetting tracked connections (ctnetlink), so that a change of NAT reaches flows that are already running.
#pragma once

#include <span>

#include "net/firewall.h"
#include "net/host.h"

namespace stack::net {

// Deletes connections of the protocol whose original destination port is `host_port`, where the answering
// side satisfies nothing further: for UDP, after a change of the port's forwarding.
Result<> forget_flows_to_port(Host& host, Family family, Protocol protocol, uint16_t host_port);

}  // namespace stack::net
