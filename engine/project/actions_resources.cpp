// Actions on networks and volumes.
#include "engine/project/actions.h"

#include "engine/api/docker_view.h"

namespace stack::engine {

using namespace orchestrator;

namespace {

NetworkRequest request_of(const DesiredNetwork& network) {
  NetworkRequest request;
  const compose::Network& config = network.config;
  request.name = config.name;
  request.driver = config.driver;
  request.options = config.driver_opts;
  request.labels = network.labels;
  request.internal = config.internal;
  request.attachable = config.attachable;
  request.enable_ipv4 = config.enable_ipv4.value_or(true);
  request.enable_ipv6 = config.enable_ipv6.value_or(false);
  request.ipam_driver = config.ipam.driver;
  request.expected_containers = network.containers;
  for (const compose::IpamPool& pool : config.ipam.config)
    request.pools.push_back({pool.subnet, pool.ip_range, pool.gateway, pool.aux_addresses});
  return request;
}

}  // namespace

ActionTask carry_out(ActionContext context, CreateNetwork action) {
  if (NetworkPtr present = context.parts.networks.find(action.network.config.name);
      present && present->name() == action.network.config.name)
    co_return ActionResult();
  Result<NetworkPtr> made = co_await context.parts.networks.create(request_of(action.network));
  CO_TRY(made);
  co_return ActionResult();
}

ActionTask carry_out(ActionContext context, RemoveNetwork action) {
  Result<> removed = co_await context.parts.networks.remove(action.id.empty() ? action.name : action.id);
  if (!removed && removed.error().kind() != ErrorKind::NotFound) co_return std::move(removed).error();
  co_return ActionResult();
}

ActionTask carry_out(ActionContext context, CreateVolume action) {
  volumes::VolumeSpec spec;
  spec.name = action.volume.config.name;
  spec.driver = action.volume.config.driver;
  spec.options = action.volume.config.driver_opts;
  spec.labels = action.volume.labels;
  Result<volumes::Volume> made = context.parts.containers.parts().volumes.create(spec);
  CO_TRY(made);
  co_return ActionResult();
}

ActionTask carry_out(ActionContext context, RemoveVolume action) {
  std::vector<std::string> users = volume_users(context.parts.engine, action.name);
  auto& store = context.parts.containers.parts().volumes;
  auto work = [&store, users, name = action.name] { return store.remove(name, users); };
  Result<> removed = co_await offload(context.parts.engine.pool, work);
  if (!removed && removed.error().kind() != ErrorKind::NotFound) co_return std::move(removed).error();
  co_return ActionResult();
}

ActionTask carry_out(ActionContext context, ConnectNetwork action) {
  Result<ContainerPtr> container = context.parts.engine.require_container(action.container.id);
  CO_TRY(container);
  Result<> connected = co_await context.parts.networks.attach_network(*container, action.endpoint);
  CO_TRY(connected);
  co_return ActionResult();
}

ActionTask carry_out(ActionContext context, DisconnectNetwork action) {
  Result<ContainerPtr> container = context.parts.engine.require_container(action.container.id);
  CO_TRY(container);
  Result<> gone = co_await context.parts.networks.detach_network(*container, action.network);
  CO_TRY(gone);
  co_return ActionResult();
}

}  // namespace stack::engine
