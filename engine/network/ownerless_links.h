// Internal to engine/network: kernel objects of this engine without an owner.
#pragma once

#include <string>
#include <vector>

#include "engine/network/network_state.h"
#include "net/link/link.h"

namespace stack::engine {

// Bridges in our firewall table without a record. A bridge with ports is in use, regardless of the records.
std::vector<std::string> ownerless_bridges(const NetworkState& state, const std::vector<net::Link>& links);
// Must precede the setup of the table, which drops its entries.
Result<> remove_ownerless_bridges(const NetworkState& state);
// Interfaces on our bridges that do not belong to a container.
std::vector<std::string> ownerless_interfaces(const NetworkState& state, const std::vector<net::Link>& links);

}  // namespace stack::engine
