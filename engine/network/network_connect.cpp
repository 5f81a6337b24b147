// NetworkService: connects containers to networks and disconnects them.
#include <algorithm>

#include "base/log.h"
#include "engine/network/network_parts.h"
#include "engine/network/ownerless_links.h"
#include "net/link/link.h"
#include "net/link/namespace.h"

namespace stack::engine {

namespace {

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

void publish_event(NetworkState& state, const Container& container, const Endpoint& endpoint,
                   const std::string& action) {
  NetworkPtr network = state.by_id(endpoint.network_id);
  if (!network) return;
  state.context.events.publish(
      "network", action, network->id,
      {{"name", network->name()}, {"type", network->request.driver}, {"container", container.id.text()}});
}

}  // namespace

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
  if (!parts_->state.containers.contains(container->id))
    for (Endpoint& endpoint : container->endpoints) endpoint.attached = false;
  Result<> connected = parts_->connections.connect(*container);
  if (!connected) {
    parts_->connections.disconnect(*container);
    co_return std::move(connected).error();
  }
  for (const Endpoint& endpoint : container->endpoints)
    publish_event(parts_->state, *container, endpoint, "connect");
  co_return Result<>();
}

Task<> NetworkService::disconnect(ContainerPtr container) {
  for (const Endpoint& endpoint : container->endpoints)
    if (endpoint.attached) publish_event(parts_->state, *container, endpoint, "disconnect");
  if (!parts_->connections.keep_for_sharers(*container)) parts_->connections.disconnect(*container);
  if (shares_namespace(*container)) {
    container->run->netns.reset();
    parts_->connections.drop_kept_namespaces();
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
  Result<> joined =
      parts_->state.netns_of(*container) >= 0 ? parts_->connections.join(*container, network) : Result<>();
  (void)parts_->state.context.save(*container);
  if (joined) publish_event(parts_->state, *container, container->endpoints.back(), "connect");
  co_return joined;
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
    publish_event(parts_->state, *container, *endpoint, "disconnect");
    parts_->connections.leave(*container, network);
  } else {
    container->endpoints.erase(endpoint);
  }
  (void)parts_->state.context.save(*container);
  co_return Result<>();
}

void NetworkService::forget(const Container& container) {
  if (ContainerPtr owner = parts_->state.context.find_container(container.id); owner && !owner->run)
    parts_->connections.disconnect(*owner);
  for (const Endpoint& endpoint : container.endpoints)
    parts_->names.remove_endpoint(endpoint.network_id, container);
}

void NetworkService::refresh_names(const Container& container) { parts_->names.follow(container); }

// ---- adoption ----

Result<> NetworkService::adopt(const std::vector<ContainerPtr>& running) {
  NetworkState& state = parts_->state;
  parts_->ports.find_relayed();
  if (state.networks.empty()) {
    parts_->ports.drop_unknown();
    return {};
  }
  TRY(state.open_host());
  for (const ContainerPtr& container : running) {
    Result<> adopted = open_namespace(*container);
    if (adopted && !shares_namespace(*container)) adopted = parts_->connections.adopt(*container);
    if (!adopted) log_error("container " + container->spec.name + ": " + adopted.error().text());
  }
  parts_->connections.adopt_kept_namespaces();
  parts_->ports.drop_unknown();
  std::vector<net::BridgeSpec> specs = parts_->devices.adopt();
  std::vector<net::PortForward> forwards;
  for (auto& [id, present] : state.containers) {
    ContainerPtr container = state.context.find_container(id);
    if (container) present.forwards = parts_->ports.forwards_of(*container);
    forwards.insert(forwards.end(), present.forwards.begin(), present.forwards.end());
  }
  TRY(remove_ownerless_bridges(state));
  TRY(parts_->firewall_guard.open());
  TRY(state.firewall->reset_to(specs, forwards));
  for (const auto& [id, container] : state.context.containers) {
    Result<> followed = parts_->connections.follow(*container);
    if (!followed) log_error("container " + container->spec.name + ": " + followed.error().text());
  }
  // Handles changes made while no engine was running.
  net::LinkChanges unseen;
  unseen.lost = true;
  parts_->link_guard.repair(unseen);
  return {};
}

}  // namespace stack::engine
