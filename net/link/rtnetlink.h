// Address and route messages for bridges and endpoints (rtnetlink(7)). Used only inside net/.
#pragma once

#include <cstdint>
#include <optional>

#include "model/address.h"
#include "net/link/netlink.h"

namespace stack::net {

// RTM_NEWADDR without duplicate address detection, because the pool guarantees unique addresses.
Message new_address(uint32_t link_index, const Cidr& address);
Message delete_address(uint32_t link_index, const Cidr& address);

// RTM_NEWROUTE for the main table. Replaces an existing route to the same destination if `replace`, otherwise fails.
Message new_route(const Cidr& destination, const IpAddress& gateway, uint32_t link_index, bool replace);
// The default route of a family.
Message new_default_route(const IpAddress& gateway, uint32_t link_index, bool replace);
Message delete_default_route(Family family);

Message set_link_up(uint32_t link_index);

}  // namespace stack::net
