// NetworkService: containers on networks.
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/container/container_run.h"
#include "engine/network/network_state.h"
#include "net/firewall/dns_redirect.h"
#include "net/link/link.h"
#include "net/link/namespace.h"

namespace stack::engine {

namespace {

bool has_ipv6() {
  static const bool present = ::access("/proc/net/if_inet6", F_OK) == 0;
  return present;
}

void hold(ContainerRun& run, std::string name, Fd fd) {
  std::erase_if(run.held, [&](const runtime::OwnedNamedFd& held) { return held.name == name; });
  run.held.push_back({std::move(name), std::move(fd)});
}

// Under which a monitor holds the socket: "port:tcp/0.0.0.0/8080".
std::string held_name(const proxy::BoundPort& port) {
  return std::string("port:") + (port.protocol == proxy::Protocol::Tcp ? "tcp/" : "udp/") +
         port.host_ip.text() + "/" + std::to_string(port.port);
}

// More sockets than this are not kept while no engine runs; the next engine binds them again.
constexpr size_t kHeldLimit = 180;

net::Protocol protocol_of(const std::string& name) {
  return name == "udp" ? net::Protocol::Udp : name == "sctp" ? net::Protocol::Sctp : net::Protocol::Tcp;
}

}  // namespace

dns::DnsServer& NetworkService::State::dns_server() {
  if (!dns) {
    dns = std::make_unique<dns::DnsServer>(context.io);
    for (const auto& [id, network] : networks) {
      std::vector<Cidr> subnets;
      for (const net::AddressPool& pool : network->pools) subnets.push_back(pool.subnet);
      dns->zone().set_network(id, {network->name(), network->request.internal, subnets});
    }
  }
  return *dns;
}

proxy::PortProxy& NetworkService::State::port_proxy() {
  if (!proxy) proxy = std::make_unique<proxy::PortProxy>(context.io);
  return *proxy;
}

std::optional<std::string> NetworkService::State::foreign_holder(const std::string& host_ip, uint16_t port,
                                                                 const std::string& protocol) {
  if (protocol == "sctp") return std::nullopt;
  proxy::Protocol kind = protocol == "udp" ? proxy::Protocol::Udp : proxy::Protocol::Tcp;
  Result<IpAddress> address = parse_ip(host_ip.empty() ? "0.0.0.0" : host_ip);
  if (!address) return std::nullopt;
  Result<proxy::BoundPort> free = proxy::bind_host_port(*address, {port, port}, kind);
  if (free) return std::nullopt;
  if (auto owner = proxy::port_owner(*address, port, kind)) return owner;
  return free.error().kind() == ErrorKind::Conflict ? "another program" : free.error().text();
}

std::vector<Endpoint*> NetworkService::State::in_order(Container& container) const {
  std::vector<Endpoint*> order;
  for (Endpoint& endpoint : container.endpoints) order.push_back(&endpoint);
  std::stable_sort(order.begin(), order.end(), [&](const Endpoint* a, const Endpoint* b) {
    if (a->spec.priority != b->spec.priority) return a->spec.priority > b->spec.priority;
    return a->spec.network < b->spec.network;
  });
  return order;
}

// Docker's rule: higher gw_priority, then networks that lead outside, then by name.
const Endpoint* NetworkService::State::main_endpoint(const Container& container) const {
  const Endpoint* best = nullptr;
  auto rank = [&](const Endpoint& e) {
    NetworkPtr network = by_id(e.network_id);
    return std::make_tuple(-e.spec.gw_priority, network && network->request.internal,
                           network ? network->name() : "");
  };
  for (const Endpoint& endpoint : container.endpoints)
    if (endpoint.attached && (best == nullptr || rank(endpoint) < rank(*best))) best = &endpoint;
  return best;
}

Result<> NetworkService::State::resolve_endpoints(Container& container) {
  for (Endpoint& endpoint : container.endpoints) {
    NetworkPtr network = by_id(endpoint.network_id);
    if (network && network->name() == endpoint.spec.network) continue;
    network.reset();
    for (const auto& [id, candidate] : networks)
      if (candidate->name() == endpoint.spec.network || id == endpoint.spec.network) network = candidate;
    if (!network) return not_found("network " + endpoint.spec.network + " not found");
    endpoint.network_id = network->id;
  }
  return {};
}

Result<> NetworkService::State::take_addresses(const Container& container, Endpoint& endpoint,
                                               Network& network) {
  for (net::AddressPool& pool : network.pools) {
    bool v4 = pool.subnet.family() == Family::V4;
    const std::string& wanted = v4 ? endpoint.spec.ipv4_address : endpoint.spec.ipv6_address;
    std::string& address = v4 ? endpoint.ipv4 : endpoint.ipv6;
    (v4 ? endpoint.ipv4_prefix : endpoint.ipv6_prefix) = pool.subnet.prefix;
    if (!wanted.empty()) {
      TRY_ASSIGN(IpAddress fixed, parse_ip(wanted));
      if (!pool.subnet.contains(fixed)) {
        if (network.pools.size() > 1) continue;
        return invalid("address " + wanted + " is not in the subnet " + pool.subnet.text() + " of network " +
                       network.name());
      }
      TRY(net::reserve(pool, fixed, container.spec.name));
      address = fixed.text();
      continue;
    }
    // The address of the last run, if nobody took it.
    if (Result<IpAddress> former = parse_ip(address);
        former && pool.subnet.contains(*former) && !pool.taken.contains(*former)) {
      if (net::reserve(pool, *former, container.spec.name)) continue;
    }
    TRY_ASSIGN(IpAddress chosen, net::allocate(pool, container.spec.name));
    address = chosen.text();
  }
  return {};
}

void NetworkService::State::give_back_addresses(Endpoint& endpoint) {
  NetworkPtr network = by_id(endpoint.network_id);
  if (!network) return;
  for (net::AddressPool& pool : network->pools)
    for (const std::string* text : {&endpoint.ipv4, &endpoint.ipv6})
      if (Result<IpAddress> address = parse_ip(*text); address && pool.subnet.contains(*address))
        net::release(pool, *address);
}

Result<> NetworkService::State::attach_endpoint(Container& container, Endpoint& endpoint,
                                                bool default_route) {
  NetworkPtr network = by_id(endpoint.network_id);
  if (!network) return not_found("network " + endpoint.spec.network + " not found");
  TRY(ensure_ready(*network));
  TRY(take_addresses(container, endpoint, *network).in("network " + network->name()));
  endpoint.attached = true;
  endpoint.endpoint_id = random_id();
  net::VethSpec spec;
  spec.host_name = "v" + endpoint.endpoint_id.substr(0, 12);
  spec.netns = container.run->netns.get();
  spec.bridge = network->bridge;
  spec.mtu = network->bridge_spec().mtu;
  spec.isolated = !network->bridge_spec().icc;
  if (!endpoint.spec.interface_name.empty()) {
    spec.name = endpoint.spec.interface_name;
  } else {
    TRY_ASSIGN(spec.name, net::free_interface_name(spec.netns));
  }
  endpoint.interface_name = spec.name;
  for (const net::AddressPool& pool : network->pools) {
    bool v4 = pool.subnet.family() == Family::V4;
    TRY_ASSIGN(IpAddress address, parse_ip(v4 ? endpoint.ipv4 : endpoint.ipv6));
    spec.addresses.push_back({address, pool.subnet.prefix});
    if (default_route && !network->request.internal) (v4 ? spec.gateway4 : spec.gateway6) = pool.gateway;
  }
  for (const std::string& extra : endpoint.spec.link_local_ips) {
    TRY_ASSIGN(IpAddress address, parse_ip(extra));
    spec.addresses.push_back({address, static_cast<uint8_t>(address.is_v4() ? 16 : 64)});
  }
  if (!endpoint.spec.mac_address.empty()) {
    TRY_ASSIGN(spec.mac, parse_mac(endpoint.spec.mac_address));
  }
  Result<net::Veth> attached = net::attach(*host, spec);
  if (!attached) return std::move(attached).error().in("network " + network->name());
  endpoint.mac = attached->mac.text();
  return {};
}

// ---- names ----

dns::ClientSpec NetworkService::State::client_of(const Container& container) const {
  dns::ClientSpec client;
  std::vector<const Endpoint*> order;
  for (const Endpoint& endpoint : container.endpoints)
    if (endpoint.attached) order.push_back(&endpoint);
  const Endpoint* first = main_endpoint(container);
  std::stable_sort(order.begin(), order.end(),
                   [&](const Endpoint* a, const Endpoint* b) { return (a == first) > (b == first); });
  for (const Endpoint* endpoint : order) client.view.networks.push_back(endpoint->network_id);
  for (const std::string& link : container.spec.links) {
    size_t colon = link.rfind(':');
    std::string target = link.substr(0, colon);
    std::string alias = colon == std::string::npos ? base_name(target) : link.substr(colon + 1);
    if (target.starts_with('/')) target.erase(0, 1);
    client.view.links[lower(alias)] = lower(target);
  }
  for (const std::string& server : container.spec.dns)
    if (Result<dns::UpstreamAddress> address = dns::parse_upstream(server))
      client.servers.push_back(*address);
  return client;
}

void NetworkService::State::set_names(const Container& container, bool running) {
  dns::DnsServer& server = dns_server();
  for (const Endpoint& endpoint : container.endpoints) {
    NetworkPtr network = by_id(endpoint.network_id);
    if (!network || endpoint.endpoint_id.empty()) continue;
    std::vector<Cidr> subnets;
    for (const net::AddressPool& pool : network->pools) subnets.push_back(pool.subnet);
    server.zone().set_network(network->id, {network->name(), network->request.internal, subnets});
    dns::EndpointNames spec;
    spec.names.push_back(container.spec.name);
    spec.names.insert(spec.names.end(), endpoint.spec.aliases.begin(), endpoint.spec.aliases.end());
    spec.names.push_back(container.short_id());
    if (!container.spec.hostname.empty()) spec.names.push_back(container.spec.hostname);
    if (running)
      for (const std::string* text : {&endpoint.ipv4, &endpoint.ipv6})
        if (Result<IpAddress> address = parse_ip(*text)) spec.addresses.push_back(*address);
    server.zone().set_endpoint(network->id, container.id, std::move(spec));
  }
}

Result<> NetworkService::State::start_dns(Container& container) {
  ContainerRun& run = *container.run;
  TRY_ASSIGN(dns::DnsSockets sockets, dns::make_dns_sockets(run.netns.get()));
  TRY(net::install_dns_redirect(run.netns.get(), sockets.udp_port, sockets.tcp_port));
  TRY_ASSIGN(Fd udp, sockets.udp.duplicate());
  TRY_ASSIGN(Fd tcp, sockets.tcp.duplicate());
  hold(run, "dns-udp", std::move(udp));
  hold(run, "dns-tcp", std::move(tcp));
  set_names(container, true);
  return dns_server().add_client(container.id, std::move(sockets), client_of(container));
}

// ---- ports ----

std::vector<net::PortForward> NetworkService::State::forwards_of(const Container& container) const {
  std::vector<net::PortForward> forwards;
  const Endpoint* endpoint = main_endpoint(container);
  if (endpoint == nullptr) return forwards;
  for (const PublishedPort& port : container.published) {
    std::optional<IpAddress> host_ip;
    if (!port.host_ip.empty()) {
      Result<IpAddress> parsed = parse_ip(port.host_ip);
      if (!parsed) continue;
      host_ip = *parsed;
    }
    for (const std::string* text : {&endpoint->ipv4, &endpoint->ipv6}) {
      Result<IpAddress> target = parse_ip(*text);
      if (!target || text->empty()) continue;
      forwards.push_back({protocol_of(port.protocol), host_ip, port.host_port, *target, port.container_port});
    }
  }
  return forwards;
}

namespace {

// Where a port is published: "" = all addresses of both families.
Result<std::vector<IpAddress>> addresses_of(const std::string& host_ip) {
  std::vector<IpAddress> addresses;
  if (host_ip.empty()) {
    addresses.push_back(IpAddress::v4(0));
    if (has_ipv6()) addresses.push_back(IpAddress::v6({}));
    return addresses;
  }
  TRY_ASSIGN(IpAddress address, parse_ip(host_ip));
  addresses.push_back(address);
  return addresses;
}

}  // namespace

Result<> NetworkService::State::publish_one(Container& container, const PortSpec& port) {
  PublishedPort published{port.container_port, port.protocol, port.host_ip, port.host_port};
  if (port.protocol == "sctp") {
    if (port.host_port == 0) return unsupported("published sctp ports need a host port");
    container.published.push_back(published);
    return {};
  }
  TRY_ASSIGN(std::vector<IpAddress> addresses, addresses_of(port.host_ip));
  proxy::Protocol protocol = port.protocol == "udp" ? proxy::Protocol::Udp : proxy::Protocol::Tcp;
  proxy::PortRange range{port.host_port, std::max(port.host_port, port.host_port_end)};
  TRY_ASSIGN(std::vector<proxy::BoundPort> bound, proxy::bind_host_ports(addresses, range, protocol));
  published.host_port = bound.front().port;
  container.published.push_back(published);
  for (proxy::BoundPort& socket : bound) {
    ContainerRun& run = *container.run;
    if (run.held.size() < kHeldLimit) {
      TRY_ASSIGN(Fd copy, socket.socket.duplicate());
      hold(run, held_name(socket), std::move(copy));
    }
    TRY(serve_port(container, std::move(socket), port.container_port));
  }
  return {};
}

Result<> NetworkService::State::serve_port(Container& container, proxy::BoundPort socket,
                                           uint16_t container_port) {
  const Endpoint* endpoint = main_endpoint(container);
  if (endpoint == nullptr) return {};
  TRY_ASSIGN(IpAddress target, parse_ip(endpoint->ipv4.empty() ? endpoint->ipv6 : endpoint->ipv4));
  std::string name = container.id + "/" + held_name(socket);
  container.run->proxied.push_back(name);
  return port_proxy().add(name, std::move(socket), proxy::Target{target, container_port});
}

Result<> NetworkService::State::publish_ports(Container& container) {
  container.published.clear();
  if (container.spec.ports.empty()) return {};
  for (const PortSpec& port : container.spec.ports) TRY(publish_one(container, port));
  TRY(open_firewall());
  return firewall->publish(forwards_of(container));
}

void NetworkService::State::unpublish_ports(Container& container) {
  if (firewall && !container.published.empty()) {
    Result<> gone = firewall->unpublish(forwards_of(container));
    if (!gone) log_warning("container " + container.spec.name + ": unpublish: " + gone.error().text());
  }
  if (proxy && container.run)
    for (const std::string& name : std::exchange(container.run->proxied, {})) proxy->remove(name);
  container.published.clear();
}

// ---- the whole ----

Result<> NetworkService::State::connect_now(Container& container) {
  const std::string& mode = container.spec.network_mode;
  ContainerRun& run = *container.run;
  if (mode == "host") return {};
  if (mode.starts_with("container:")) {
    TRY_ASSIGN(ContainerPtr other, context.require_container(mode.substr(10)));
    if (!other->run || !other->running())
      return conflict("cannot join the network of container " + other->spec.name + ": it is not running");
    if (!other->run->netns) return {};  // it has the host's
    TRY_ASSIGN(run.netns, other->run->netns.duplicate());
    return {};
  }
  TRY_ASSIGN(run.netns, net::make_network_namespace());
  if (mode == "none") return net::bring_up_loopback(run.netns.get());
  TRY(open_host());
  TRY(resolve_endpoints(container));
  std::vector<Endpoint*> order = in_order(container);
  // The default route is chosen among all before the first is attached.
  for (Endpoint* endpoint : order) endpoint->attached = true;
  const Endpoint* gateway_endpoint = main_endpoint(container);
  for (Endpoint* endpoint : order) endpoint->attached = false;
  for (Endpoint* endpoint : order) TRY(attach_endpoint(container, *endpoint, endpoint == gateway_endpoint));
  TRY(start_dns(container));
  return publish_ports(container);
}

void NetworkService::State::disconnect_now(Container& container) {
  unpublish_ports(container);
  if (dns) {
    dns->remove_client(container.id);
    set_names(container, false);
  }
  for (Endpoint& endpoint : container.endpoints) {
    if (!endpoint.attached) continue;
    give_back_addresses(endpoint);
    endpoint.attached = false;
  }
  if (container.run) {
    // The namespace dies with its last descriptor, and its interfaces with it.
    container.run->held.clear();
    container.run->netns.reset();
    container.run->network_up = false;
  }
}

Task<Result<>> NetworkService::connect(ContainerPtr container) {
  const std::string& mode = container->spec.network_mode;
  if (container->endpoints.empty() && (mode.empty() || mode == "bridge" || mode == "default")) {
    Endpoint endpoint;
    endpoint.spec.network = kDefaultNetwork;
    container->endpoints.push_back(std::move(endpoint));
  }
  bool wants_default =
      std::any_of(container->endpoints.begin(), container->endpoints.end(),
                  [](const Endpoint& endpoint) { return endpoint.spec.network == kDefaultNetwork; });
  if (wants_default && !find(kDefaultNetwork)) {
    NetworkRequest request;
    request.name = kDefaultNetwork;
    Result<NetworkPtr> made = co_await create(std::move(request));
    CO_TRY(made);
  }
  Result<> connected = state_->connect_now(*container);
  if (!connected) {
    state_->disconnect_now(*container);
    co_return std::move(connected).error();
  }
  container->run->network_up = true;
  co_return Result<>();
}

Task<> NetworkService::disconnect(ContainerPtr container) {
  state_->disconnect_now(*container);
  co_return;
}

Task<Result<>> NetworkService::attach_network(ContainerPtr container, EndpointSpec spec) {
  NetworkPtr network = find(spec.network);
  if (!network) co_return not_found("network " + spec.network + " not found");
  for (const Endpoint& endpoint : container->endpoints)
    if (endpoint.network_id == network->id || endpoint.spec.network == network->name())
      co_return conflict("container " + container->spec.name + " is already attached to network " +
                         network->name());
  Endpoint endpoint;
  endpoint.spec = std::move(spec);
  endpoint.spec.network = network->name();
  endpoint.network_id = network->id;
  container->endpoints.push_back(std::move(endpoint));
  if (container->run && container->run->netns) {
    bool first = state_->main_endpoint(*container) == nullptr;
    Result<> attached = state_->attach_endpoint(*container, container->endpoints.back(), first);
    if (!attached) {
      state_->give_back_addresses(container->endpoints.back());
      container->endpoints.pop_back();
      co_return std::move(attached).error();
    }
    state_->set_names(*container, true);
    state_->dns_server().update_client(container->id, state_->client_of(*container));
  }
  (void)state_->context.save(*container);
  co_return Result<>();
}

Task<Result<>> NetworkService::detach_network(ContainerPtr container, std::string name_or_id) {
  NetworkPtr network = find(name_or_id);
  auto endpoint =
      std::find_if(container->endpoints.begin(), container->endpoints.end(), [&](const Endpoint& e) {
        return network ? (e.network_id == network->id || e.spec.network == network->name())
                       : e.spec.network == name_or_id;
      });
  if (endpoint == container->endpoints.end())
    co_return not_found("container " + container->spec.name + " is not connected to network " + name_or_id);
  Endpoint gone = *endpoint;
  if (gone.attached && state_->host) {
    Result<> detached = net::detach(*state_->host, "v" + gone.endpoint_id.substr(0, 12));
    CO_TRY(detached);
  }
  if (state_->dns && network) state_->dns->zone().remove_endpoint(network->id, container->id);
  state_->give_back_addresses(gone);
  std::erase_if(container->endpoints, [&](const Endpoint& e) { return e.spec.network == gone.spec.network; });
  if (state_->dns && container->run) state_->dns->update_client(container->id, state_->client_of(*container));
  (void)state_->context.save(*container);
  co_return Result<>();
}

void NetworkService::forget(const Container& container) {
  if (!state_->dns) return;
  for (const Endpoint& endpoint : container.endpoints)
    state_->dns->zone().remove_endpoint(endpoint.network_id, container.id);
}

void NetworkService::refresh_names(const Container& container) {
  if (state_->dns) state_->set_names(container, container.run != nullptr);
}

// ---- adoption ----

Result<> NetworkService::State::adopt_one(Container& container) {
  ContainerRun& run = *container.run;
  for (Endpoint& endpoint : container.endpoints) {
    NetworkPtr network = by_id(endpoint.network_id);
    if (!network) continue;
    endpoint.attached = true;
    for (net::AddressPool& pool : network->pools)
      for (const std::string* text : {&endpoint.ipv4, &endpoint.ipv6})
        if (Result<IpAddress> address = parse_ip(*text); address && pool.subnet.contains(*address)) {
          Result<> reserved = net::reserve(pool, *address, container.spec.name);
          if (!reserved) log_warning(reserved.error().text());
          pool.last = *address;
        }
  }
  if (container.endpoints.empty()) return {};
  Fd udp;
  Fd tcp;
  for (const runtime::OwnedNamedFd& held : run.held) {
    if (held.name == "dns-udp") {
      TRY_ASSIGN(udp, held.fd.duplicate());
    } else if (held.name == "dns-tcp") {
      TRY_ASSIGN(tcp, held.fd.duplicate());
    }
  }
  if (udp && tcp) {
    TRY_ASSIGN(dns::DnsSockets sockets, dns::adopt_dns_sockets(std::move(udp), std::move(tcp)));
    set_names(container, true);
    TRY(dns_server().add_client(container.id, std::move(sockets), client_of(container)));
  } else if (run.netns) {
    TRY(start_dns(container));
  }
  for (const PublishedPort& port : container.published) {
    if (port.protocol == "sctp") continue;
    TRY(adopt_port(container, port).in("port " + std::to_string(port.host_port)));
  }
  return {};
}

// The sockets the monitor kept, or new ones in their place.
Result<> NetworkService::State::adopt_port(Container& container, const PublishedPort& port) {
  proxy::Protocol protocol = port.protocol == "udp" ? proxy::Protocol::Udp : proxy::Protocol::Tcp;
  TRY_ASSIGN(std::vector<IpAddress> addresses, addresses_of(port.host_ip));
  for (const IpAddress& address : addresses) {
    proxy::BoundPort socket;
    socket.port = port.host_port;
    socket.host_ip = address;
    socket.protocol = protocol;
    std::string name = held_name(socket);
    auto held = std::find_if(container.run->held.begin(), container.run->held.end(),
                             [&](const runtime::OwnedNamedFd& h) { return h.name == name; });
    if (held != container.run->held.end()) {
      TRY_ASSIGN(Fd copy, held->fd.duplicate());
      TRY_ASSIGN(socket, proxy::adopt_host_port(std::move(copy)));
    } else {
      TRY_ASSIGN(socket, proxy::bind_host_port(address, {port.host_port, port.host_port}, protocol));
    }
    TRY(serve_port(container, std::move(socket), port.container_port));
  }
  return {};
}

Result<> NetworkService::adopt(const std::vector<ContainerPtr>& running) {
  State& state = *state_;
  if (state.networks.empty()) return {};
  TRY(state.open_host());
  std::vector<net::BridgeSpec> specs;
  for (const auto& [id, network] : state.networks) {
    bool used = std::any_of(running.begin(), running.end(), [&, network_id = id](const ContainerPtr& c) {
      return std::any_of(c->endpoints.begin(), c->endpoints.end(),
                         [&](const Endpoint& e) { return e.network_id == network_id; });
    });
    Result<std::optional<net::Link>> link = net::find_link(*state.host, network->bridge);
    if (!used && (!link || !*link)) continue;
    net::BridgeSpec spec = network->bridge_spec();
    Result<net::Link> bridge = net::ensure_bridge(*state.host, spec);
    if (!bridge) {
      log_error("network " + network->name() + ": " + bridge.error().text());
      continue;
    }
    specs.push_back(spec);
    network->ready = true;
  }
  std::vector<net::PortForward> forwards;
  for (const ContainerPtr& container : running) {
    Result<> adopted = state.adopt_one(*container);
    if (!adopted) log_error("container " + container->spec.name + ": " + adopted.error().text());
    std::vector<net::PortForward> own = state.forwards_of(*container);
    forwards.insert(forwards.end(), own.begin(), own.end());
  }
  TRY(state.open_firewall());
  return state.firewall->reset_to(specs, forwards);
}

// ---- files ----

std::string NetworkService::hosts_file(const Container& container) const {
  const std::string& mode = container.spec.network_mode;
  if (mode.starts_with("container:"))
    if (ContainerPtr other = state_->context.find_container(mode.substr(10))) return hosts_file(*other);
  if (mode == "host" && container.spec.extra_hosts.empty())
    if (Result<std::string> host = read_file("/etc/hosts")) return *host;
  std::string text = "127.0.0.1\tlocalhost\n";
  if (has_ipv6())
    text +=
        "::1\tlocalhost ip6-localhost "
        "ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-"
        "allrouters\n";
  for (const std::string& extra : container.spec.extra_hosts) {
    size_t separator = extra.find('=');
    if (separator == std::string::npos) separator = extra.find(':');
    if (separator == std::string::npos) continue;
    std::string name = extra.substr(0, separator);
    std::string address = extra.substr(separator + 1);
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    if (address == "host-gateway") {
      const Endpoint* endpoint = state_->main_endpoint(container);
      NetworkPtr network = endpoint != nullptr ? state_->by_id(endpoint->network_id) : nullptr;
      address = network && !network->pools.empty() && network->pools[0].gateway
                    ? network->pools[0].gateway->text()
                    : "127.0.0.1";
    }
    text += address + "\t" + name + "\n";
  }
  std::string hostname = container.spec.hostname.empty() ? container.short_id() : container.spec.hostname;
  std::string names = container.spec.domainname.empty()
                          ? hostname
                          : hostname + "." + container.spec.domainname + " " + hostname;
  for (const Endpoint& endpoint : container.endpoints)
    for (const std::string* address : {&endpoint.ipv4, &endpoint.ipv6})
      if (endpoint.attached && !address->empty()) text += *address + "\t" + names + "\n";
  return text;
}

namespace {

struct HostResolver {
  std::vector<std::string> servers;
  std::vector<std::string> search;
  std::vector<std::string> options;
};

HostResolver host_resolver() {
  HostResolver out;
  Result<std::string> text = read_file("/etc/resolv.conf");
  if (!text) return out;
  for (const std::string& line : split(*text, '\n')) {
    std::vector<std::string> words;
    for (const std::string& word : split(trim(line), ' '))
      if (!word.empty()) words.push_back(word);
    if (words.size() < 2) continue;
    std::vector<std::string> rest(words.begin() + 1, words.end());
    if (words[0] == "nameserver") out.servers.push_back(rest[0]);
    if (words[0] == "search" || words[0] == "domain") out.search = rest;
    if (words[0] == "options") out.options.insert(out.options.end(), rest.begin(), rest.end());
  }
  return out;
}

}  // namespace

std::string NetworkService::resolv_conf(const Container& container) const {
  const std::string& mode = container.spec.network_mode;
  if (mode.starts_with("container:"))
    if (ContainerPtr other = state_->context.find_container(mode.substr(10))) return resolv_conf(*other);
  HostResolver host = host_resolver();
  if (!container.spec.dns_search.empty()) host.search = container.spec.dns_search;
  std::erase(host.search, ".");
  if (!container.spec.dns_options.empty()) host.options = container.spec.dns_options;
  bool embedded = mode != "host" && mode != "none";
  if (embedded) {
    host.servers = {"127.0.0.11"};
    bool has_ndots = std::any_of(host.options.begin(), host.options.end(),
                                 [](const std::string& o) { return o.starts_with("ndots:"); });
    if (!has_ndots) host.options.emplace_back("ndots:0");
  } else if (!container.spec.dns.empty()) {
    host.servers = container.spec.dns;
  }
  std::string text;
  for (const std::string& server : host.servers) text += "nameserver " + server + "\n";
  if (!host.search.empty()) text += "search " + join(host.search, " ") + "\n";
  if (!host.options.empty()) text += "options " + join(host.options, " ") + "\n";
  return text;
}

}  // namespace stack::engine
