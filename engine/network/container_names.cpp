#include "engine/network/container_names.h"

#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/network/endpoint_choice.h"
#include "engine/network/host_files.h"
#include "model/link.h"
#include "net/firewall/dns_redirect.h"

namespace stack::engine {

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

dns::DnsServer& ContainerNames::server() {
  if (!server_) {
    dns::DnsServerOptions options;
    for (const std::string& server : state_.context.settings.dns_servers)
      if (Result<dns::UpstreamAddress> address = dns::parse_upstream(server))
        options.upstreams.push_back(*address);
    server_ = std::make_unique<dns::DnsServer>(state_.context.io, std::move(options));
    for (const auto& [id, network] : state_.networks)
      server_->zone().set_network(id, {network->name(), network->request.internal, subnets_of(*network)});
  }
  return *server_;
}

namespace {

void add_links(const std::vector<std::string>& links, dns::ClientSpec& client) {
  for (const std::string& text : links) {
    Link link = parse_link(text);
    client.view.links[lower(link.alias)] = lower(link.container);
  }
}

}  // namespace

dns::ClientSpec ContainerNames::client_of(const Container& container) const {
  dns::ClientSpec client;
  for (const Endpoint* endpoint : by_gateway_priority(state_, container)) {
    client.view.networks.push_back(endpoint->network_id);
    add_links(endpoint->spec.links, client);
  }
  add_links(container.spec.links, client);
  for (const std::string& server : container.spec.dns)
    if (Result<dns::UpstreamAddress> address = dns::parse_upstream(server))
      client.servers.push_back(*address);
  return client;
}

Result<> ContainerNames::start(Container& container) {
  int netns = state_.netns_of(container);
  TRY_ASSIGN(dns::DnsSockets sockets, dns::make_dns_sockets(netns));
  TRY(net::install_dns_redirect(netns, sockets.udp_port, sockets.tcp_port));
  TRY_ASSIGN(Fd udp, sockets.udp.duplicate());
  TRY_ASSIGN(Fd tcp, sockets.tcp.duplicate());
  std::vector<runtime::OwnedNamedFd>& held = state_.held_of(container);
  hold(held, "dns-udp", std::move(udp));
  hold(held, "dns-tcp", std::move(tcp));
  return server().add_client(container.id, std::move(sockets), client_of(container));
}

void ContainerNames::follow(const Container& container) {
  auto present = state_.containers.find(container.id);
  if (!server_ && present == state_.containers.end()) return;
  std::set<std::string> named;
  for (const Endpoint& endpoint : container.endpoints) {
    NetworkPtr network = state_.by_id(endpoint.network_id);
    if (!network || endpoint.endpoint_id.empty()) continue;
    server().zone().set_network(network->id,
                                {network->name(), network->request.internal, subnets_of(*network)});
    dns::EndpointNames spec{names_on(container, endpoint), {}};
    if (endpoint.attached) spec.addresses = endpoint.addresses();
    server().zone().set_endpoint(network->id, container.id.text(), std::move(spec));
    named.insert(network->id);
  }
  server().update_client(container.id, client_of(container));
  if (present == state_.containers.end()) return;
  for (const std::string& id : present->second.named)
    if (!named.contains(id)) server_->zone().remove_endpoint(id, container.id.text());
  present->second.named = std::move(named);
}

Result<> ContainerNames::adopt(Container& container) {
  Fd udp;
  Fd tcp;
  for (const runtime::OwnedNamedFd& held : state_.held_of(container)) {
    if (held.name == "dns-udp") {
      TRY_ASSIGN(udp, held.fd.duplicate());
    } else if (held.name == "dns-tcp") {
      TRY_ASSIGN(tcp, held.fd.duplicate());
    }
  }
  if (udp && tcp) {
    TRY_ASSIGN(dns::DnsSockets sockets, dns::adopt_dns_sockets(std::move(udp), std::move(tcp)));
    return server().add_client(container.id, std::move(sockets), client_of(container));
  }
  if (state_.netns_of(container) < 0) return {};
  TRY(start(container));
  // The monitor that holds them for the next engine: the container's, or one of a sharing container.
  std::vector<ContainerPtr> sharers = state_.sharers_of(container);
  const Container* keeper = container.run || sharers.empty() ? &container : sharers.front().get();
  if (!keeper->run || !keeper->run->process) return {};
  std::vector<runtime::NamedFd> fds;
  for (const runtime::OwnedNamedFd& held : state_.held_of(container))
    fds.push_back({held.name, held.fd.get()});
  return runtime::send_hold(keeper->run->process->control.native_handle(), fds);
}

// Written in place, because the file is bind-mounted into the container and those that share its network.
void ContainerNames::follow_hosts(const Container& container) {
  auto present = state_.containers.find(container.id);
  if (present == state_.containers.end()) return;
  std::vector<std::string> addresses = addresses_of(container);
  std::vector<std::string> former = std::exchange(present->second.host_addresses, addresses);
  if (former == addresses) return;
  std::vector<ContainerId> owners{container.id};
  for (const ContainerPtr& sharer : state_.sharers_of(container)) owners.push_back(sharer->id);
  std::string names = own_host_names(container.spec, container.short_id());
  for (const ContainerId& id : owners) {
    ContainerPtr owner = state_.context.find_container(id);
    if (!owner || !owner->running()) continue;
    std::string path = state_.context.paths.container(id) + "/hosts";
    Result<std::string> text = read_file(path);
    Result<> written =
        text ? write_file(path, update_hosts(*text, former, addresses, names)) : Result<>(text.error());
    if (!written) log_warning("container " + owner->spec.name + ": " + written.error().text());
  }
}

bool ContainerNames::serves(const Container& container) const {
  return server_ && server_->has_client(container.id);
}

void ContainerNames::stop(const Container& container) {
  if (server_) server_->remove_client(container.id);
}

void ContainerNames::remove_endpoint(const std::string& network_id, const Container& container) {
  if (server_) server_->zone().remove_endpoint(network_id, container.id.text());
}

void ContainerNames::remove_network(const std::string& network_id) {
  if (server_) server_->zone().remove_network(network_id);
}

}  // namespace stack::engine
