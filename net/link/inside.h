// The container's end of an interface of any kind. Used only inside net/link.
#pragma once

#include "net/link/endpoint.h"

namespace stack::net {

// The spec's MAC, or the one derived from its first address.
MacAddress mac_for(const VethSpec& spec);
// Brings up lo and the interface `spec.name` in the namespace, with addresses and routes.
Result<> set_up_inside(const VethSpec& spec);

}  // namespace stack::net
