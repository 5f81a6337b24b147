#include "engine/network/connections.h"

#include <algorithm>

#include "base/identity.h"
#include "base/log.h"
#include "engine/network/endpoint_choice.h"
#include "net/link/link.h"
#include "net/link/namespace.h"
#include "net/link/route.h"

namespace stack::engine {

Result<> Connections::connect(Container& container) {
  const std::string& mode = container.spec.network_mode;
  ContainerRun& run = *container.run;
  if (mode == "host") return {};
  if (shares_namespace(container)) {
    state_.kept.erase(container.id);
    TRY_ASSIGN(ContainerPtr other, state_.context.require_container(mode.substr(10)));
    if (!other->run || !other->running())
      return conflict("cannot join the network of container " + other->spec.name + ": it is not running");
    if (!other->run->netns) return {};  // it uses the host's namespace
    TRY_ASSIGN(run.netns, other->run->netns.duplicate());
    return {};
  }
  if (auto own = state_.kept.extract(container.id)) {
    run.netns = std::move(own.mapped().netns);
    run.held = std::move(own.mapped().held);
  } else if (std::vector<ContainerPtr> sharers = state_.sharers_of(container); !sharers.empty()) {
    TRY_ASSIGN(run.netns, sharers.front()->run->netns.duplicate());
  } else {
    TRY_ASSIGN(run.netns, net::make_network_namespace());
  }
  if (mode == "none") return net::bring_up_loopback(run.netns.get());
  return connect_endpoints(container);
}

Result<> Connections::connect_endpoints(Container& container) {
  TRY(state_.open_host());
  TRY(resolve_endpoints(container));
  std::vector<Endpoint*> missing = in_connection_order(container);
  std::erase_if(missing, [](const Endpoint* endpoint) { return endpoint->attached; });
  for (Endpoint* endpoint : missing) TRY(attach_endpoint(container, *endpoint));
  // The default routes are chosen among all endpoints and set with the interfaces.
  ContainerNetwork& present = state_.containers[container.id];
  net::DefaultGateways gateways = gateways_of(state_, container);
  for (Endpoint* endpoint : missing) TRY(interfaces_.plug(container, *endpoint, gateways));
  if (missing.size() == container.endpoints.size()) present.gateways = gateways;
  present.host_addresses = addresses_of(container);
  if (!names_.serves(container)) TRY(names_.start(container));
  if (container.published.empty() || present.relayed.empty()) TRY(ports_.reserve(container));
  return follow(container);
}

void Connections::disconnect(Container& container) {
  for (Endpoint& endpoint : container.endpoints) endpoint.attached = false;
  Result<> followed = ports_.follow(container);
  if (!followed) log_warning("container " + container.spec.name + ": " + followed.error().text());
  ports_.release(container);
  names_.follow(container);
  names_.stop(container);
  // If others still use the namespace, it would keep an address that is about to be released.
  bool shared = !state_.sharers_of(container).empty();
  for (const Endpoint& endpoint : container.endpoints)
    if (Result<> gone = shared ? interfaces_.unplug(container, endpoint) : Result<>(); !gone)
      log_warning(gone.error().text());
  state_.containers.erase(container.id);
  state_.kept.erase(container.id);
  if (!container.run) return;
  // The kernel destroys the namespace and its interfaces with its last descriptor.
  container.run->held.clear();
  container.run->netns.reset();
}

Result<> Connections::join(Container& container, const NetworkPtr& network) {
  Endpoint& endpoint = container.endpoints.back();
  Result<> joined = state_.open_host();
  if (joined) joined = attach_endpoint(container, endpoint);
  if (joined) joined = interfaces_.plug(container, endpoint, {});
  if (joined) joined = follow(container);
  if (!joined) leave(container, network);
  return joined;
}

void Connections::leave(Container& container, const NetworkPtr& network) {
  auto endpoint = std::find_if(container.endpoints.begin(), container.endpoints.end(),
                               [&](const Endpoint& e) { return e.network_id == network->id; });
  if (endpoint == container.endpoints.end()) return;
  Endpoint gone = std::move(*endpoint);
  container.endpoints.erase(endpoint);
  Result<> followed = follow(container);
  if (!followed) log_error("container " + container.spec.name + ": " + followed.error().text());
  if (gone.attached)
    if (Result<> unplugged = interfaces_.unplug(container, gone); !unplugged)
      log_error(unplugged.error().text());
  names_.remove_endpoint(network->id, container);
  if (auto present = state_.containers.find(container.id); present != state_.containers.end())
    present->second.leases.erase(network->id);
}

// Ports come first, so that none forwards to an address that is about to be released.
Result<> Connections::follow(Container& container) {
  Result<> ports = ports_.follow(container);
  Result<> routes = follow_routes(container);
  names_.follow(container);
  names_.follow_hosts(container);
  TRY(ports);
  return routes;
}

Result<> Connections::follow_routes(const Container& container) {
  auto present = state_.containers.find(container.id);
  int netns = state_.netns_of(container);
  if (present == state_.containers.end() || netns < 0) return {};
  net::DefaultGateways wanted = gateways_of(state_, container);
  if (wanted == present->second.gateways) return {};
  TRY(net::set_default_routes(netns, wanted).in("container " + container.spec.name));
  present->second.gateways = wanted;
  return {};
}

bool Connections::keep_for_sharers(Container& container) {
  if (shares_namespace(container) || !container.run || !container.run->netns) return false;
  if (state_.sharers_of(container).empty()) return false;
  KeptNamespace& own = state_.kept[container.id];
  own.netns = std::move(container.run->netns);
  own.held = std::move(container.run->held);
  container.run->held.clear();
  return true;
}

void Connections::drop_kept_namespaces() {
  std::vector<ContainerId> ids;
  for (const auto& [id, own] : state_.kept) ids.push_back(id);
  for (const ContainerId& id : ids) {
    ContainerPtr owner = state_.context.find_container(id);
    if (!owner) {
      state_.kept.erase(id);
    } else if (!owner->run && state_.sharers_of(*owner).empty()) {
      disconnect(*owner);
      (void)state_.context.save(*owner);
    }
  }
}

Result<> Connections::adopt(Container& container) {
  ContainerNetwork& present = state_.containers[container.id];
  for (Endpoint& endpoint : container.endpoints) {
    NetworkPtr network = state_.by_id(endpoint.network_id);
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
  present.gateways = gateways_of(state_, container);
  present.host_addresses = addresses_of(container);
  TRY(names_.adopt(container));
  TRY(ports_.bind(container));
  names_.follow(container);
  return {};
}

void Connections::adopt_kept_namespaces() {
  for (const auto& [id, container] : state_.context.containers) {
    bool attached = std::any_of(container->endpoints.begin(), container->endpoints.end(),
                                [](const Endpoint& endpoint) { return endpoint.attached; });
    std::vector<ContainerPtr> sharers = state_.sharers_of(*container);
    if (container->run || !attached || sharers.empty()) continue;
    Result<Fd> netns = sharers.front()->run->netns.duplicate();
    if (!netns) continue;
    state_.kept[id].netns = std::move(*netns);
    for (const runtime::OwnedNamedFd& held : sharers.front()->run->held)
      if (Result<Fd> copy = held.fd.duplicate())
        state_.kept[id].held.push_back({held.name, std::move(*copy)});
    Result<> adopted = adopt(*container);
    if (!adopted) log_error("container " + container->spec.name + ": " + adopted.error().text());
  }
}

Result<> Connections::resolve_endpoints(Container& container) const {
  for (Endpoint& endpoint : container.endpoints) {
    NetworkPtr network = state_.by_id(endpoint.network_id);
    if (network && network->name() == endpoint.spec.network) continue;
    network.reset();
    for (const auto& [id, candidate] : state_.networks)
      if (candidate->name() == endpoint.spec.network || id == endpoint.spec.network) network = candidate;
    if (!network) return not_found("network " + endpoint.spec.network + " not found");
    endpoint.network_id = network->id;
  }
  return {};
}

// Takes addresses, on which the choice of the default route depends. plug() creates the interface.
Result<> Connections::attach_endpoint(Container& container, Endpoint& endpoint) {
  NetworkPtr network = state_.by_id(endpoint.network_id);
  if (!network || network->removing) return not_found("network " + endpoint.spec.network + " not found");
  TRY(devices_.ensure_ready(*network));
  // An interface of an earlier run remains if the namespace outlived it.
  if (!endpoint.endpoint_id.empty() && state_.netns_of(container) >= 0)
    TRY(interfaces_.unplug(container, endpoint));
  auto leases = lease_addresses(network, endpoint, container.spec.name);
  if (!leases) return std::move(leases).error().in("network " + network->name());
  state_.containers[container.id].leases.insert_or_assign(network->id, std::move(*leases));
  endpoint.attached = true;
  endpoint.endpoint_id = random_id();
  return {};
}

}  // namespace stack::engine
