// Interfaces that share another one of the host: macvlan and ipvlan (linux/Documentation/networking/ipvlan.rst,
// ip-link(8)), and the parents made for them.
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

// Gives a container such an interface on `parent`, up, addressed and routed. Of the spec, the host's side (host_name,
// bridge, isolated) does not count; ipvlan has its parent's MAC. NotFound: no such parent.
Result<MacAddress> attach_child(Host& host, const std::string& parent, const ChildKind& kind,
                                const VethSpec& spec);
// Missing is success.
Result<> detach_child(int netns, const std::string& name);

// Makes the parent where it is missing: "eth0.10" as VLAN 10 of an existing eth0, or an `unconnected` one, which leads
// nowhere. It is up afterwards. True: it was made, and is the caller's to remove. NotFound: it cannot be made.
Result<bool> ensure_parent(Host& host, const std::string& parent, bool unconnected);

}  // namespace stack::net
