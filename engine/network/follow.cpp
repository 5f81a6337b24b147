// NetworkService: the state that depends on a container's endpoints: routes, published ports, names, hosts file. Each is
// computed from the attached endpoints and compared with the last applied state; then the difference is applied. Start,
// stop, connect, disconnect, and adoption all use this.
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/network/host_files.h"
#include "engine/network/network_state.h"
#include "model/link.h"
#include "net/firewall/dns_redirect.h"

namespace stack::engine {

bool has_ipv6() {
  static const bool present = ::access("/proc/net/if_inet6", F_OK) == 0;
  return present;
}

namespace {

void hold(std::vector<runtime::OwnedNamedFd>& held, std::string name, Fd fd) {
  std::erase_if(held, [&](const runtime::OwnedNamedFd& other) { return other.name == name; });
  held.push_back({std::move(name), std::move(fd)});
}

std::vector<Cidr> subnets_of(const Network& network) {
  std::vector<Cidr> subnets;
  for (const net::AddressPool& pool : network.pools) subnets.push_back(pool.subnet);
  return subnets;
}

std::vector<std::string> names_on(const Container& container, const Endpoint& endpoint) {
  std::vector<std::string> names{container.spec.name};
  names.insert(names.end(), endpoint.spec.aliases.begin(), endpoint.spec.aliases.end());
  names.push_back(container.short_id());
  if (!container.spec.hostname.empty()) names.push_back(container.spec.hostname);
  return names;
}

}  // namespace

// Ports come first, so that none forwards to an address that is about to be released.
Result<> NetworkService::State::follow(Container& container) {
  Result<> ports = follow_ports(container);
  Result<> routes = follow_routes(container);
  follow_names(container);
  follow_hosts(container);
  TRY(ports);
  return routes;
}

Result<> NetworkService::State::follow_routes(Container& container) {
  auto present = containers.find(container.id);
  int netns = netns_of(container);
  if (present == containers.end() || netns < 0) return {};
  net::DefaultGateways wanted = gateways_of(container);
  if (wanted == present->second.gateways) return {};
  TRY(net::set_default_routes(netns, wanted).in("container " + container.spec.name));
  present->second.gateways = wanted;
  return {};
}

// ---- names ----

dns::DnsServer& NetworkService::State::dns_server() {
  if (!dns) {
    dns::DnsServerOptions options;
    for (const std::string& server : context.settings.dns_servers)
      if (Result<dns::UpstreamAddress> address = dns::parse_upstream(server))
        options.upstreams.push_back(*address);
    dns = std::make_unique<dns::DnsServer>(context.io, std::move(options));
    for (const auto& [id, network] : networks)
      dns->zone().set_network(id, {network->name(), network->request.internal, subnets_of(*network)});
  }
  return *dns;
}

namespace {

void add_links(const std::vector<std::string>& links, dns::ClientSpec& client) {
  for (const std::string& text : links) {
    Link link = parse_link(text);
    client.view.links[lower(link.alias)] = lower(link.container);
  }
}

}  // namespace

dns::ClientSpec NetworkService::State::dns_client_of(const Container& container) const {
  dns::ClientSpec client;
  for (const Endpoint* endpoint : by_gateway_priority(container)) {
    client.view.networks.push_back(endpoint->network_id);
    add_links(endpoint->spec.links, client);
  }
  add_links(container.spec.links, client);
  for (const std::string& server : container.spec.dns)
    if (Result<dns::UpstreamAddress> address = dns::parse_upstream(server))
      client.servers.push_back(*address);
  return client;
}

// The sockets are in the container's namespace; its monitor holds them while no engine runs.
Result<> NetworkService::State::start_dns(Container& container) {
  int netns = netns_of(container);
  TRY_ASSIGN(dns::DnsSockets sockets, dns::make_dns_sockets(netns));
  TRY(net::install_dns_redirect(netns, sockets.udp_port, sockets.tcp_port));
  TRY_ASSIGN(Fd udp, sockets.udp.duplicate());
  TRY_ASSIGN(Fd tcp, sockets.tcp.duplicate());
  std::vector<runtime::OwnedNamedFd>& held = held_of(container);
  hold(held, "dns-udp", std::move(udp));
  hold(held, "dns-tcp", std::move(tcp));
  return dns_server().add_client(container.id, std::move(sockets), dns_client_of(container));
}

// The names of a stopped container stay in the zone without an address, so that queries for them do not leave the machine.
void NetworkService::State::follow_names(const Container& container) {
  auto present = containers.find(container.id);
  if (!dns && present == containers.end()) return;
  std::set<std::string> named;
  for (const Endpoint& endpoint : container.endpoints) {
    NetworkPtr network = by_id(endpoint.network_id);
    if (!network || endpoint.endpoint_id.empty()) continue;
    dns_server().zone().set_network(network->id,
                                    {network->name(), network->request.internal, subnets_of(*network)});
    dns::EndpointNames spec{names_on(container, endpoint), {}};
    if (endpoint.attached) spec.addresses = endpoint.addresses();
    dns_server().zone().set_endpoint(network->id, container.id, std::move(spec));
    named.insert(network->id);
  }
  dns_server().update_client(container.id, dns_client_of(container));
  if (present == containers.end()) return;
  for (const std::string& id : present->second.named)
    if (!named.contains(id)) dns->zone().remove_endpoint(id, container.id);
  present->second.named = std::move(named);
}

// ---- files ----

std::vector<std::string> NetworkService::State::addresses_of(const Container& container) const {
  std::vector<std::string> addresses;
  for (const Endpoint& endpoint : container.endpoints) {
    if (!endpoint.attached) continue;
    for (const IpAddress& address : endpoint.addresses()) addresses.push_back(address.text());
  }
  return addresses;
}

// Written in place, because the file is bind-mounted into the container and those that share its network.
void NetworkService::State::follow_hosts(const Container& container) {
  auto present = containers.find(container.id);
  if (present == containers.end()) return;
  std::vector<std::string> addresses = addresses_of(container);
  std::vector<std::string> former = std::exchange(present->second.host_addresses, addresses);
  if (former == addresses) return;
  std::vector<std::string> owners{container.id};
  for (const ContainerPtr& sharer : sharers_of(container)) owners.push_back(sharer->id);
  std::string names = own_host_names(container.spec, container.short_id());
  for (const std::string& id : owners) {
    ContainerPtr owner = context.find_container(id);
    if (!owner || !owner->running()) continue;
    std::string path = context.paths.container(id) + "/hosts";
    Result<std::string> text = read_file(path);
    Result<> written =
        text ? write_file(path, update_hosts(*text, former, addresses, names)) : Result<>(text.error());
    if (!written) log_warning("container " + owner->spec.name + ": " + written.error().text());
  }
}

std::string NetworkService::hosts_file(const Container& container) const {
  const std::string& mode = container.spec.network_mode;
  if (mode.starts_with("container:"))
    if (ContainerPtr other = state_->context.find_container(mode.substr(10))) return hosts_file(*other);
  if (mode == "host" && container.spec.extra_hosts.empty())
    if (Result<std::string> host = read_file("/etc/hosts")) return *host;
  std::string host_gateway = "127.0.0.1";
  const Endpoint* endpoint = state_->port_endpoint(container, Family::V4);
  NetworkPtr network = endpoint == nullptr ? nullptr : state_->by_id(endpoint->network_id);
  if (network && !network->pools.empty() && network->pools[0].gateway)
    host_gateway = network->pools[0].gateway->text();
  return fixed_hosts(container.spec.extra_hosts, host_gateway, has_ipv6()) +
         endpoint_hosts(state_->addresses_of(container),
                        own_host_names(container.spec, container.short_id()));
}

std::string NetworkService::resolv_conf(const Container& container) const {
  const std::string& mode = container.spec.network_mode;
  if (mode.starts_with("container:"))
    if (ContainerPtr other = state_->context.find_container(mode.substr(10))) return resolv_conf(*other);
  Result<std::string> host = read_file("/etc/resolv.conf");
  return resolv_conf_text(parse_resolver_settings(host ? *host : ""), container.spec,
                          mode != "host" && mode != "none");
}

}  // namespace stack::engine
