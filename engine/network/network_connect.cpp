// NetworkService: connects containers to networks and disconnects them.
#include <algorithm>

#include "base/log.h"
#include "engine/network/network_state.h"
#include "net/link/link.h"
#include "net/link/namespace.h"

namespace stack::engine {

namespace {

bool shares_namespace(const Container& container) {
  return container.spec.network_mode.starts_with("container:");
}

// Why a container with this network mode cannot join networks; "" = it can.
std::string obstacle_of(const Container& container) {
  const std::string& mode = container.spec.network_mode;
  std::string who = "container " + container.spec.name;
  if (shares_namespace(container)) return who + " shares the network of another container";
  if (mode == "host") return who + " uses the host's network";
  if (mode == "none") return who + " was created without a network (network mode none)";
  return "";
}

// A replaced monitor does not have the namespace, so it is opened through the container's process.
Result<> open_namespace(Container& container) {
  if (container.run->netns || container.spec.network_mode == "host" || container.state.pid <= 0) return {};
  TRY_ASSIGN(container.run->netns,
             net::open_network_namespace("/proc/" + std::to_string(container.state.pid) + "/ns/net"));
  return {};
}

bool wants_default_network(const Container& container) {
  return std::any_of(container.endpoints.begin(), container.endpoints.end(),
                     [](const Endpoint& endpoint) { return endpoint.spec.network == kDefaultNetwork; });
}

}  // namespace

// ---- namespaces that outlive the container that created them ----

std::vector<runtime::OwnedNamedFd>& NetworkService::State::held_of(Container& container) {
  return container.run ? container.run->held : kept[container.id].held;
}

// The running containers that share this container's namespace.
std::vector<ContainerPtr> NetworkService::State::sharers_of(const Container& container) const {
  std::vector<ContainerPtr> sharers;
  for (const auto& [id, other] : context.containers) {
    if (!shares_namespace(*other) || !other->run || !other->run->netns) continue;
    if (owner_of(*other).get() == &container) sharers.push_back(other);
  }
  return sharers;
}

// The creator of the namespace that this container joins, directly or indirectly; null if unknown.
ContainerPtr NetworkService::State::owner_of(const Container& sharer) const {
  constexpr int kDeepest = 16;
  ContainerPtr owner = context.find_container(sharer.spec.network_mode.substr(10));
  for (int depth = 0; owner && shares_namespace(*owner); ++depth) {
    if (depth == kDeepest) return nullptr;
    owner = context.find_container(owner->spec.network_mode.substr(10));
  }
  return owner;
}

void NetworkService::State::publish_event(const Container& container, const Endpoint& endpoint,
                                          const std::string& action) {
  NetworkPtr network = by_id(endpoint.network_id);
  if (!network) return;
  context.events.publish(
      "network", action, network->id,
      {{"name", network->name()}, {"type", network->request.driver}, {"container", container.id}});
}

// When a container stops, its network (interfaces, addresses, names, ports) stays for the containers that share it, and
// its next start finds it again.
bool NetworkService::State::keep_for_sharers(Container& container) {
  if (shares_namespace(container) || !container.run || !container.run->netns) return false;
  if (sharers_of(container).empty()) return false;
  KeptNamespace& own = kept[container.id];
  own.netns = std::move(container.run->netns);
  own.held = std::move(container.run->held);
  container.run->held.clear();
  return true;
}

// Drops namespaces that are no longer shared.
void NetworkService::State::drop_kept_namespaces() {
  std::vector<std::string> ids;
  for (const auto& [id, own] : kept) ids.push_back(id);
  for (const std::string& id : ids) {
    ContainerPtr owner = context.find_container(id);
    if (!owner) {
      kept.erase(id);
    } else if (!owner->run && sharers_of(*owner).empty()) {
      disconnect_now(*owner);
      (void)context.save(*owner);
    }
  }
}

// ---- start and stop ----

Result<> NetworkService::State::connect_now(Container& container) {
  const std::string& mode = container.spec.network_mode;
  ContainerRun& run = *container.run;
  if (mode == "host") return {};
  if (shares_namespace(container)) {
    kept.erase(container.id);
    TRY_ASSIGN(ContainerPtr other, context.require_container(mode.substr(10)));
    if (!other->run || !other->running())
      return conflict("cannot join the network of container " + other->spec.name + ": it is not running");
    if (!other->run->netns) return {};  // it uses the host's namespace
    TRY_ASSIGN(run.netns, other->run->netns.duplicate());
    return {};
  }
  if (auto own = kept.extract(container.id)) {
    run.netns = std::move(own.mapped().netns);
    run.held = std::move(own.mapped().held);
  } else if (std::vector<ContainerPtr> sharers = sharers_of(container); !sharers.empty()) {
    TRY_ASSIGN(run.netns, sharers.front()->run->netns.duplicate());
  } else {
    TRY_ASSIGN(run.netns, net::make_network_namespace());
  }
  if (mode == "none") return net::bring_up_loopback(run.netns.get());
  return connect_endpoints(container);
}

Result<> NetworkService::State::connect_endpoints(Container& container) {
  TRY(open_host());
  TRY(resolve_endpoints(container));
  std::vector<Endpoint*> missing = in_order(container);
  std::erase_if(missing, [](const Endpoint* endpoint) { return endpoint->attached; });
  for (Endpoint* endpoint : missing) TRY(attach_endpoint(container, *endpoint));
  // The default routes are chosen among all endpoints and set with the interfaces.
  ContainerNetwork& present = containers[container.id];
  net::DefaultGateways gateways = gateways_of(container);
  for (Endpoint* endpoint : missing) TRY(plug(container, *endpoint, gateways));
  if (missing.size() == container.endpoints.size()) present.gateways = gateways;
  present.host_addresses = addresses_of(container);
  if (!dns || !dns->has_client(container.id)) TRY(start_dns(container));
  if (container.published.empty() || present.relayed.empty()) TRY(reserve_ports(container));
  return follow(container);
}

// Continues after failures, which are logged. Endpoints keep their addresses as preferences.
void NetworkService::State::disconnect_now(Container& container) {
  for (Endpoint& endpoint : container.endpoints) endpoint.attached = false;
  Result<> followed = follow_ports(container);
  if (!followed) log_warning("container " + container.spec.name + ": " + followed.error().text());
  release_ports(container);
  follow_names(container);
  if (dns) dns->remove_client(container.id);
  // If others still use the namespace, it would keep an address that is about to be released.
  bool shared = !sharers_of(container).empty();
  for (const Endpoint& endpoint : container.endpoints)
    if (Result<> gone = shared ? unplug(container, endpoint) : Result<>(); !gone)
      log_warning(gone.error().text());
  containers.erase(container.id);
  kept.erase(container.id);
  if (!container.run) return;
  // The kernel destroys the namespace and its interfaces with its last descriptor.
  container.run->held.clear();
  container.run->netns.reset();
}

Task<Result<>> NetworkService::connect(ContainerPtr container) {
  const std::string& mode = container->spec.network_mode;
  if (container->endpoints.empty() && (mode.empty() || mode == "bridge" || mode == "default")) {
    Endpoint endpoint;
    endpoint.spec.network = kDefaultNetwork;
    container->endpoints.push_back(std::move(endpoint));
  }
  if (wants_default_network(*container) && !find(kDefaultNetwork)) {
    NetworkRequest request;
    request.name = kDefaultNetwork;
    request.expected_containers = net::kMostBridgePorts;
    Result<NetworkPtr> made = co_await create(std::move(request));
    CO_TRY(made);
  }
  // A run whose exit was not seen: nothing is attached.
  if (!state_->containers.contains(container->id))
    for (Endpoint& endpoint : container->endpoints) endpoint.attached = false;
  Result<> connected = state_->connect_now(*container);
  if (!connected) {
    state_->disconnect_now(*container);
    co_return std::move(connected).error();
  }
  for (const Endpoint& endpoint : container->endpoints)
    state_->publish_event(*container, endpoint, "connect");
  co_return Result<>();
}

Task<> NetworkService::disconnect(ContainerPtr container) {
  for (const Endpoint& endpoint : container->endpoints)
    if (endpoint.attached) state_->publish_event(*container, endpoint, "disconnect");
  if (!state_->keep_for_sharers(*container)) state_->disconnect_now(*container);
  if (shares_namespace(*container)) {
    container->run->netns.reset();
    state_->drop_kept_namespaces();
  }
  co_return;
}

// ---- single networks ----

Task<Result<>> NetworkService::attach_network(ContainerPtr container, EndpointSpec spec) {
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Steady);
  CO_TRY(turn);
  NetworkPtr network = find(spec.network);
  if (!network || network->removing) co_return not_found("network " + spec.network + " not found");
  std::string obstacle = obstacle_of(*container);
  if (!obstacle.empty())
    co_return conflict(obstacle + " and cannot be connected to network " + network->name());
  for (const Endpoint& endpoint : container->endpoints)
    if (endpoint.network_id == network->id || endpoint.spec.network == network->name())
      co_return conflict("container " + container->spec.name + " is already attached to network " +
                         network->name());
  Endpoint endpoint;
  endpoint.spec = std::move(spec);
  endpoint.spec.network = network->name();
  endpoint.network_id = network->id;
  container->endpoints.push_back(std::move(endpoint));
  Result<> joined = state_->netns_of(*container) >= 0 ? state_->join(*container, network) : Result<>();
  (void)state_->context.save(*container);
  if (joined) state_->publish_event(*container, container->endpoints.back(), "connect");
  co_return joined;
}

// Connects the last endpoint of a container with a namespace. Undone on failure.
Result<> NetworkService::State::join(Container& container, const NetworkPtr& network) {
  Endpoint& endpoint = container.endpoints.back();
  Result<> joined = open_host();
  if (joined) joined = attach_endpoint(container, endpoint);
  if (joined) joined = plug(container, endpoint, {});
  if (joined) joined = follow(container);
  if (!joined) leave(container, network);
  return joined;
}

// Moves dependent state to other endpoints before removing the interface and addresses.
void NetworkService::State::leave(Container& container, const NetworkPtr& network) {
  auto endpoint = std::find_if(container.endpoints.begin(), container.endpoints.end(),
                               [&](const Endpoint& e) { return e.network_id == network->id; });
  if (endpoint == container.endpoints.end()) return;
  Endpoint gone = std::move(*endpoint);
  container.endpoints.erase(endpoint);
  Result<> followed = follow(container);
  if (!followed) log_error("container " + container.spec.name + ": " + followed.error().text());
  if (gone.attached)
    if (Result<> unplugged = unplug(container, gone); !unplugged) log_error(unplugged.error().text());
  if (dns) dns->zone().remove_endpoint(network->id, container.id);
  if (auto present = containers.find(container.id); present != containers.end())
    present->second.leases.erase(network->id);
}

Task<Result<>> NetworkService::detach_network(ContainerPtr container, std::string name_or_id) {
  Result<CommandQueue::Turn> turn = co_await container->commands.enter(CommandQueue::Kind::Steady);
  CO_TRY(turn);
  NetworkPtr network = find(name_or_id);
  auto endpoint =
      std::find_if(container->endpoints.begin(), container->endpoints.end(), [&](const Endpoint& e) {
        return network ? (e.network_id == network->id || e.spec.network == network->name())
                       : e.spec.network == name_or_id;
      });
  if (endpoint == container->endpoints.end())
    co_return not_found("container " + container->spec.name + " is not connected to network " + name_or_id);
  if (network && !endpoint->network_id.empty()) {
    state_->publish_event(*container, *endpoint, "disconnect");
    state_->leave(*container, network);
  } else {
    container->endpoints.erase(endpoint);
  }
  (void)state_->context.save(*container);
  co_return Result<>();
}

void NetworkService::forget(const Container& container) {
  if (ContainerPtr owner = state_->context.find_container(container.id); owner && !owner->run)
    state_->disconnect_now(*owner);
  if (!state_->dns) return;
  for (const Endpoint& endpoint : container.endpoints)
    state_->dns->zone().remove_endpoint(endpoint.network_id, container.id);
}

void NetworkService::refresh_names(const Container& container) { state_->follow_names(container); }

// ---- adoption ----

// `container` runs, or its namespace is kept for others.
Result<> NetworkService::State::adopt_one(Container& container) {
  ContainerNetwork& present = containers[container.id];
  for (Endpoint& endpoint : container.endpoints) {
    NetworkPtr network = by_id(endpoint.network_id);
    if (!network) continue;
    endpoint.attached = true;
    auto leases = readopt_addresses(network, endpoint, container.spec.name);
    if (leases) {
      present.leases.insert_or_assign(network->id, std::move(*leases));
    } else {
      log_warning("container " + container.spec.name + ": " + leases.error().text());
    }
  }
  if (container.endpoints.empty()) return {};
  present.gateways = gateways_of(container);
  present.host_addresses = addresses_of(container);
  TRY(adopt_dns(container));
  TRY(bind_published_ports(container));
  follow_names(container);
  return {};
}

Result<> NetworkService::State::adopt_dns(Container& container) {
  Fd udp;
  Fd tcp;
  for (const runtime::OwnedNamedFd& held : held_of(container)) {
    if (held.name == "dns-udp") {
      TRY_ASSIGN(udp, held.fd.duplicate());
    } else if (held.name == "dns-tcp") {
      TRY_ASSIGN(tcp, held.fd.duplicate());
    }
  }
  if (udp && tcp) {
    TRY_ASSIGN(dns::DnsSockets sockets, dns::adopt_dns_sockets(std::move(udp), std::move(tcp)));
    return dns_server().add_client(container.id, std::move(sockets), dns_client_of(container));
  }
  if (netns_of(container) < 0) return {};
  TRY(start_dns(container));
  // The monitor that holds them for the next engine: the container's, or one of a sharing container.
  std::vector<ContainerPtr> sharers = sharers_of(container);
  const Container* keeper = container.run || sharers.empty() ? &container : sharers.front().get();
  if (!keeper->run || !keeper->run->process) return {};
  std::vector<runtime::NamedFd> fds;
  for (const runtime::OwnedNamedFd& held : held_of(container)) fds.push_back({held.name, held.fd.get()});
  return runtime::send_hold(keeper->run->process->control.native_handle(), fds);
}

// Adopts namespaces of stopped containers that other containers use.
void NetworkService::State::adopt_kept_namespaces() {
  for (const auto& [id, container] : context.containers) {
    bool attached = std::any_of(container->endpoints.begin(), container->endpoints.end(),
                                [](const Endpoint& endpoint) { return endpoint.attached; });
    std::vector<ContainerPtr> sharers = sharers_of(*container);
    if (container->run || !attached || sharers.empty()) continue;
    Result<Fd> netns = sharers.front()->run->netns.duplicate();
    if (!netns) continue;
    kept[id].netns = std::move(*netns);
    for (const runtime::OwnedNamedFd& held : sharers.front()->run->held)
      if (Result<Fd> copy = held.fd.duplicate()) kept[id].held.push_back({held.name, std::move(*copy)});
    Result<> adopted = adopt_one(*container);
    if (!adopted) log_error("container " + container->spec.name + ": " + adopted.error().text());
  }
}

Result<> NetworkService::adopt(const std::vector<ContainerPtr>& running) {
  State& state = *state_;
  state.find_relayed_ports();
  if (state.networks.empty()) {
    state.drop_unknown_ports();
    return {};
  }
  TRY(state.open_host());
  for (const ContainerPtr& container : running) {
    Result<> adopted = open_namespace(*container);
    if (adopted && !shares_namespace(*container)) adopted = state.adopt_one(*container);
    if (!adopted) log_error("container " + container->spec.name + ": " + adopted.error().text());
  }
  state.adopt_kept_namespaces();
  state.drop_unknown_ports();
  std::vector<net::BridgeSpec> specs = state.adopt_bridges();
  std::vector<net::PortForward> forwards;
  for (auto& [id, present] : state.containers) {
    ContainerPtr container = state.context.find_container(id);
    if (container) present.forwards = state.forwards_of(*container);
    forwards.insert(forwards.end(), present.forwards.begin(), present.forwards.end());
  }
  TRY(state.remove_ownerless_bridges());
  TRY(state.open_firewall());
  TRY(state.firewall->reset_to(specs, forwards));
  for (const auto& [id, container] : state.context.containers) {
    Result<> followed = state.follow(*container);
    if (!followed) log_error("container " + container->spec.name + ": " + followed.error().text());
  }
  // Handles changes made while no engine was running.
  net::LinkChanges unseen;
  unseen.lost = true;
  state.repair_links(unseen);
  return {};
}

// The bridges that are in use or still exist.
std::vector<net::BridgeSpec> NetworkService::State::adopt_bridges() {
  std::vector<net::BridgeSpec> specs;
  for (const auto& [id, network] : networks) {
    if (!network->is_bridge()) continue;
    Result<std::optional<net::Link>> link = net::find_link(*host, network->bridge);
    if (users_of(*network).empty() && (!link || !*link)) continue;
    net::BridgeSpec spec = network->bridge_spec();
    Result<net::Link> bridge = net::ensure_bridge(*host, spec);
    if (!bridge) {
      log_error("network " + network->name() + ": " + bridge.error().text());
      continue;
    }
    specs.push_back(spec);
    network->ready = true;
  }
  return specs;
}

}  // namespace stack::engine
