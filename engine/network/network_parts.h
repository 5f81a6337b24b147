// Internal to engine/network: NetworkService's parts.
#pragma once

#include "engine/network/connections.h"
#include "engine/network/link_removals.h"
#include "engine/network/network_service.h"

namespace stack::engine {

struct NetworkService::Parts {
  explicit Parts(Context& context) : state(context) {}

  NetworkState state;
  LinkRemovals removals{state};
  Interfaces interfaces{state};
  LinkGuard link_guard{state, interfaces};
  FirewallGuard firewall_guard{state, link_guard};
  NetworkDevices devices{state, firewall_guard};
  PublishedPorts ports{state, firewall_guard};
  ContainerNames names{state};
  Connections connections{state, devices, interfaces, ports, names};
};

}  // namespace stack::engine
