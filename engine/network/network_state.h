// Internal to engine/network.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/container/container_run.h"
#include "engine/network/address_lease.h"
#include "engine/network/network_service.h"
#include "net/dns/server.h"
#include "net/firewall/firewall.h"
#include "net/firewall/ruleset_watch.h"
#include "net/link/endpoint.h"
#include "net/link/host.h"
#include "net/link/link.h"
#include "net/link/link_watch.h"
#include "net/proxy/proxy_client.h"

namespace stack::engine {

// A port of a container in stack-proxy.
struct RelayedPort {
  uint16_t container_port = 0;
  std::optional<proxy::Target> target;  // none: connections wait
};

// The applied network state of one container. follow() compares it with the desired state.
struct ContainerNetwork {
  std::map<std::string, std::vector<AddressLease>> leases;  // by network id
  net::DefaultGateways gateways;                            // in its namespace
  std::vector<net::PortForward> forwards;                   // in the firewall; sorted
  std::map<std::string, RelayedPort> relayed;               // by name in the proxy
  std::set<std::string> named;                              // IDs of networks whose zone has its names
  std::vector<std::string> host_addresses;                  // in its hosts file
  std::map<std::string, std::string> faults;  // unrepaired faults of interfaces, by network ID
};

// The network namespace of a stopped container, kept for the containers that share it.
struct KeptNamespace {
  Fd netns;
  std::vector<runtime::OwnedNamedFd> held;  // like ContainerRun::held
};

// Interfaces that are removed together, because each removal alone holds the kernel's lock for 30 ms.
struct LinkRemoval {
  explicit LinkRemoval(asio::io_context& io) : ended(io) {}
  std::vector<std::string> links;
  std::optional<Result<>> outcome;
  Signal ended;
};

struct NetworkService::State {
  explicit State(Context& c) : context(c) {}

  Context& context;
  std::map<std::string, NetworkPtr> networks;          // by id
  std::map<std::string, ContainerNetwork> containers;  // by ID; only containers with network state
  std::map<std::string, KeptNamespace> kept;           // by ID of the container that created it
  std::unique_ptr<net::Host> host;                     // opened on first use
  std::unique_ptr<net::Firewall> firewall;             // exists while there are networks
  std::unique_ptr<dns::DnsServer> dns;
  std::unique_ptr<proxy::ProxyClient> proxy;  // stack-proxy, while ports are published
  // The events of the ruleset watch; closing it ends its coroutine.
  std::shared_ptr<asio::posix::stream_descriptor> ruleset_events;
  std::shared_ptr<asio::posix::stream_descriptor> link_events;  // the same for the interface watch
  std::shared_ptr<LinkRemoval> next_removal;  // collects interfaces while another removal runs
  bool removing_links = false;
  bool repair_planned = false;
  std::vector<std::string> closed_chains;  // foreign chains that drop container packets, one sentence each

  // network_service.cpp
  NetworkPtr by_id(const std::string& id) const;
  Result<> open_host();
  Result<> ensure_ready(Network& network);
  Result<> make_bridge(const Network& network);
  Result<std::vector<Cidr>> subnets_in_use();
  Result<> choose_pools(Network& network);
  std::vector<std::string> users_of(const Network& network) const;
  Task<Result<>> remove_network(NetworkPtr network);
  Task<Result<>> remove_links_together(std::vector<std::string> links);
  Task<> run_link_removals();

  // firewall_guard.cpp
  Result<> open_firewall();
  void close_firewall();
  Result<> watch_ruleset();
  void repair_ruleset(const net::RulesetChanges& changes);
  void open_foreign_chains();

  // link_guard.cpp
  Result<> watch_links();
  void repair_links(const net::LinkChanges& changes);
  Task<> repair_again();
  void repair_bridge(Network& network);
  void repair_endpoint(Container& container, Endpoint& endpoint);
  std::vector<std::string> diverted_subnets() const;

  // endpoints.cpp: the interfaces of containers
  Result<> resolve_endpoints(Container& container);
  std::vector<Endpoint*> in_order(Container& container) const;
  std::vector<const Endpoint*> by_gateway_priority(const Container& container) const;
  net::DefaultGateways gateways_of(const Container& container) const;
  const Endpoint* port_endpoint(const Container& container, Family family) const;
  Result<> attach_endpoint(Container& container, Endpoint& endpoint);
  Result<MacAddress> make_interface(const Network& network, const net::VethSpec& spec);
  static net::VethSpec host_side_of(const Endpoint& endpoint, const Network& network);
  Result<> plug(Container& container, Endpoint& endpoint, const net::DefaultGateways& gateways,
                std::string interface_name = "");
  Result<> unplug(const Container& container, const Endpoint& endpoint);
  int netns_of(const Container& container) const;  // -1 if it has none

  // follow.cpp: state that depends on the attached endpoints
  Result<> follow(Container& container);
  Result<> follow_routes(Container& container);
  void follow_names(const Container& container);
  void follow_hosts(const Container& container);
  std::vector<std::string> addresses_of(const Container& container) const;
  dns::DnsServer& dns_server();
  dns::ClientSpec dns_client_of(const Container& container) const;
  Result<> start_dns(Container& container);

  // published_ports.cpp
  Result<> reserve_ports(Container& container);
  Result<> reserve_port(Container& container, const PortSpec& port);
  bool publishes_on_host(const Container& container, Family family) const;
  Result<std::vector<IpAddress>> host_addresses_of(const Container& container, const std::string& host_ip) const;
  Result<> bind_published_ports(Container& container);
  Result<> relay_port(Container& container, proxy::BoundPort socket, uint16_t container_port);
  Result<> follow_ports(Container& container);
  void release_ports(Container& container);
  std::vector<net::PortForward> forwards_of(const Container& container) const;
  std::optional<proxy::Target> relay_target(const Container& container, uint16_t container_port) const;
  std::string publisher_of(const std::string& host_ip, uint16_t port, Protocol protocol,
                           const Container* except) const;
  std::optional<std::string> foreign_holder(const std::string& host_ip, uint16_t port,
                                            Protocol protocol);
  proxy::ProxyClient& port_proxy();
  void find_relayed_ports();
  void drop_unknown_ports();
  Task<> restore_relay();

  // sweep.cpp
  std::vector<std::string> ownerless_bridges(const std::vector<net::Link>& links);
  Result<> remove_ownerless_bridges();
  std::vector<std::string> ownerless_interfaces(const std::vector<net::Link>& links);

  // network_connect.cpp
  Result<> connect_now(Container& container);
  Result<> connect_endpoints(Container& container);
  void disconnect_now(Container& container);
  Result<> join(Container& container, const NetworkPtr& network);
  void leave(Container& container, const NetworkPtr& network);
  Result<> adopt_one(Container& container);
  Result<> adopt_dns(Container& container);
  void adopt_kept_namespaces();
  std::vector<net::BridgeSpec> adopt_bridges();
  std::vector<runtime::OwnedNamedFd>& held_of(Container& container);
  std::vector<ContainerPtr> sharers_of(const Container& container) const;
  ContainerPtr owner_of(const Container& sharer) const;
  void publish_event(const Container& container, const Endpoint& endpoint, const std::string& action);
  bool keep_for_sharers(Container& container);
  void drop_kept_namespaces();
};

// The host's end of the interface.
std::string host_interface(const Endpoint& endpoint);
// Whether the kernel supports IPv6.
bool has_ipv6();

}  // namespace stack::engine
