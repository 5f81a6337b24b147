// Internal to engine/network: which of a container's endpoints comes first, has the default route, or receives
// published ports. Pure.
#pragma once

#include <optional>
#include <vector>

#include "engine/network/network_state.h"

namespace stack::engine {

// The gateway address of the network in this family, if it is not internal.
std::optional<IpAddress> gateway_of(const NetworkPtr& network, Family family);

// In the order of connection.
std::vector<Endpoint*> in_connection_order(Container& container);
// The attached endpoints by Docker's rule: higher gw_priority, then external networks, then more families with a
// gateway, then the name.
std::vector<const Endpoint*> by_gateway_priority(const NetworkState& state, const Container& container);
net::DefaultGateways gateways_of(const NetworkState& state, const Container& container);
// The target endpoint of published ports: the gateway endpoint of the family, or the first with an address of it; null
// if there is none.
const Endpoint* port_endpoint(const NetworkState& state, const Container& container, Family family);
// The addresses of all attached endpoints.
std::vector<std::string> addresses_of(const Container& container);

}  // namespace stack::engine
