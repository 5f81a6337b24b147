// Internal to engine/network: connects containers to networks and disconnects them.
#pragma once

#include <vector>

#include "engine/network/container_names.h"
#include "engine/network/interfaces.h"
#include "engine/network/network_devices.h"
#include "engine/network/network_state.h"
#include "engine/network/published_ports.h"

namespace stack::engine {

class Connections {
 public:
  Connections(NetworkState& state, NetworkDevices& devices, Interfaces& interfaces, PublishedPorts& ports,
              ContainerNames& names)
      : state_(state), devices_(devices), interfaces_(interfaces), ports_(ports), names_(names) {}

  // Sets up the namespace and all endpoints of a container that starts.
  Result<> connect(Container& container);
  // Continues after failures, which are logged. Endpoints keep their addresses as preferences.
  void disconnect(Container& container);
  // Connects the last endpoint of a container with a namespace. Undone on failure.
  Result<> join(Container& container, const NetworkPtr& network);
  // Moves dependent state to other endpoints before removing the interface and addresses.
  void leave(Container& container, const NetworkPtr& network);

  // Routes, published ports, names, and hosts file are computed from the attached endpoints and compared with the last
  // applied state; then the difference is applied.
  Result<> follow(Container& container);

  // When a container stops, its network (interfaces, addresses, names, ports) stays for the containers that share it,
  // and its next start finds it again. false: nothing shares it.
  bool keep_for_sharers(Container& container);
  // Drops namespaces that are no longer shared.
  void drop_kept_namespaces();

  // `container` runs, or its namespace is kept for others.
  Result<> adopt(Container& container);
  // Adopts namespaces of stopped containers that other containers use.
  void adopt_kept_namespaces();

 private:
  Result<> resolve_endpoints(Container& container) const;
  Result<> connect_endpoints(Container& container);
  Result<> attach_endpoint(Container& container, Endpoint& endpoint);
  Result<> follow_routes(const Container& container);

  NetworkState& state_;
  NetworkDevices& devices_;
  Interfaces& interfaces_;
  PublishedPorts& ports_;
  ContainerNames& names_;
};

}  // namespace stack::engine
