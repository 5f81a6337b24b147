// Internal to engine/network: the state that its parts share.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/container/container_run.h"
#include "engine/network/address_lease.h"
#include "engine/network/network.h"
#include "engine/state/context.h"
#include "net/firewall/firewall.h"
#include "net/link/endpoint.h"
#include "net/link/host.h"
#include "net/proxy/proxy_client.h"

namespace stack::engine {

// A port of a container in stack-proxy.
struct RelayedPort {
  uint16_t container_port = 0;
  std::optional<proxy::Target> target;  // none: connections wait
};

// The applied network state of one container. Connections::follow compares it with the desired state.
struct ContainerNetwork {
  std::map<std::string, std::vector<AddressLease>> leases;  // by network id
  net::DefaultGateways gateways;                            // in its namespace
  std::vector<net::PortForward> forwards;                   // in the firewall; sorted
  std::map<std::string, RelayedPort> relayed;               // by name in the proxy
  std::set<std::string> named;                              // IDs of networks whose zone has its names
  std::vector<std::string> host_addresses;                  // in its hosts file
  std::map<std::string, std::string> faults;                // unrepaired faults of interfaces, by network ID
};

// The network namespace of a stopped container, kept for the containers that share it.
struct KeptNamespace {
  Fd netns;
  std::vector<runtime::OwnedNamedFd> held;  // like ContainerRun::held
};

struct NetworkState {
  explicit NetworkState(Context& c) : context(c) {}

  Context& context;
  std::map<std::string, NetworkPtr> networks;          // by id
  std::map<ContainerId, ContainerNetwork> containers;  // only containers with network state
  std::map<ContainerId, KeptNamespace> kept;           // by the container that created it
  std::unique_ptr<net::Host> host;                     // opened on first use
  std::unique_ptr<net::Firewall> firewall;             // exists while there are networks

  Result<> open_host();
  NetworkPtr by_id(const std::string& id) const;
  // The names of the attached containers.
  std::vector<std::string> users_of(const Network& network) const;

  int netns_of(const Container& container) const;  // -1 if it has none
  std::vector<runtime::OwnedNamedFd>& held_of(Container& container);
  // The running containers that share this container's namespace.
  std::vector<ContainerPtr> sharers_of(const Container& container) const;
  // The creator of the namespace that this container joins, directly or indirectly; null if unknown.
  ContainerPtr owner_of(const Container& sharer) const;
};

bool shares_namespace(const Container& container);
// The host's end of the interface.
std::string host_interface(const Endpoint& endpoint);
// Whether the kernel supports IPv6.
bool has_ipv6();

}  // namespace stack::engine
