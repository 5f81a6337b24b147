// Shared between network_service.cpp and network_connect.cpp only.
#pragma once

#include "engine/network/network_service.h"
#include "net/dns/server.h"
#include "net/firewall/ruleset_watch.h"
#include "net/link/endpoint.h"
#include "net/proxy/port_proxy.h"

namespace stack::engine {

struct NetworkService::State {
  explicit State(Context& c) : context(c) {}

  Context& context;
  std::map<std::string, NetworkPtr> networks;  // by id
  std::unique_ptr<net::Host> host;             // opened with the first use
  std::unique_ptr<net::Firewall> firewall;     // exists while networks do
  std::unique_ptr<dns::DnsServer> dns;
  std::unique_ptr<proxy::PortProxy> proxy;

  std::shared_ptr<asio::posix::stream_descriptor>
      ruleset_events;  // of `ruleset`; ends its coroutine when closed

  Result<> open_host();
  Result<> watch_ruleset();
  void repair_ruleset(const net::RulesetChanges& changes);
  Result<> open_firewall();
  void close_firewall();
  void open_foreign_chains();
  Result<> ensure_ready(Network& network);
  Result<std::vector<Cidr>> subnets_in_use();
  Result<> choose_pools(Network& network);
  std::optional<std::string> foreign_holder(const std::string& host_ip, uint16_t port,
                                            const std::string& protocol);

  NetworkPtr by_id(const std::string& id) const {
    auto found = networks.find(id);
    return found == networks.end() ? nullptr : found->second;
  }
  dns::DnsServer& dns_server();
  proxy::PortProxy& port_proxy();

  // network_connect.cpp
  Result<> resolve_endpoints(Container& container);
  Result<> take_addresses(const Container& container, Endpoint& endpoint, Network& network);
  void give_back_addresses(Endpoint& endpoint);
  Result<> attach_endpoint(Container& container, Endpoint& endpoint, bool default_route);
  Result<> start_dns(Container& container);
  void set_names(const Container& container, bool running);
  dns::ClientSpec client_of(const Container& container) const;
  Result<> publish_ports(Container& container);
  Result<> publish_one(Container& container, const PortSpec& port);
  Result<> serve_port(Container& container, proxy::BoundPort socket, uint16_t container_port);
  Result<> adopt_port(Container& container, const PublishedPort& port);
  void unpublish_ports(Container& container);
  std::vector<net::PortForward> forwards_of(const Container& container) const;
  // The endpoint that holds the default route; null for none.
  const Endpoint* main_endpoint(const Container& container) const;
  // In the order of connection.
  std::vector<Endpoint*> in_order(Container& container) const;
  Result<> connect_now(Container& container);
  void disconnect_now(Container& container);
  Result<> adopt_one(Container& container);
};

}  // namespace stack::engine
