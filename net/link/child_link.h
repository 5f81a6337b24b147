// Interfaces that share a host interface: macvlan and ipvlan (linux/Documentation/networking/ipvlan.rst, ip-link(8)), and
// their parents.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "net/link/endpoint.h"
#include "net/link/host.h"

namespace stack::net {

struct ChildKind {
  bool ipvlan = false;  // else macvlan
  // macvlan: MACVLAN_MODE_* of linux/if_link.h; ipvlan: IPVLAN_MODE_*.
  uint32_t mode = 0;
  uint16_t flags = 0;  // ipvlan: IPVLAN_F_*
};

// The `macvlan_mode` (bridge, private, vepa, passthru; "" = bridge) or `ipvlan_mode` (l2, l3, l3s; "" = l2) and
// `ipvlan_flag` (bridge, private, vepa; "" = bridge) of Docker's drivers.
Result<ChildKind> macvlan_kind(const std::string& mode);
Result<ChildKind> ipvlan_kind(const std::string& mode, const std::string& flag);

// Creates such an interface on `parent` in a container, up, with addresses and routes. Ignores the host's side of the spec
// (host_name, bridge, isolated); ipvlan uses its parent's MAC. NotFound if the parent does not exist.
Result<MacAddress> attach_child(Host& host, const std::string& parent, const ChildKind& kind,
                                const VethSpec& spec);
// Idempotent.
Result<> detach_child(int netns, const std::string& name);

// Creates a missing parent: "eth0.10" as VLAN 10 of an existing eth0, or an `unconnected` interface. Brings it up. Returns
// true if it was created, and the caller must remove it. NotFound if it cannot be created.
Result<bool> ensure_parent(Host& host, const std::string& parent, bool unconnected);

}  // namespace stack::net
