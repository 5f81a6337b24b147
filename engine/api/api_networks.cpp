// Networks.
#include <algorithm>

#include "base/members.h"
#include "docker/container_body.h"
#include "docker/object_filter.h"
#include "docker/prune_filter.h"
#include "engine/api/dry_run.h"
#include "engine/api/api.h"
#include "engine/api/docker_view.h"
#include "engine/container/container_run.h"
#include "model/predefined_network.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

// ---- views ----

Json pools_json(const Network& network) {
  Json config = Json::array();
  for (const net::AddressPool& pool : network.pools) {
    Json entry{{"Subnet", pool.subnet.text()}};
    if (pool.gateway) entry["Gateway"] = pool.gateway->text();
    if (pool.ip_range) entry["IPRange"] = pool.ip_range->text();
    for (const auto& [name, address] : pool.auxiliary) entry["AuxiliaryAddresses"][name] = address.text();
    config.push_back(std::move(entry));
  }
  return config;
}

std::string text_of(const std::optional<Cidr>& address) { return address ? address->text() : ""; }

Json containers_json(const Context& context, const std::string& network_id) {
  Json containers = Json::object();
  for (const auto& [id, container] : context.containers) {
    if (!container->run) continue;
    for (const Endpoint& endpoint : container->endpoints) {
      if (endpoint.network_id != network_id || !endpoint.attached) continue;
      containers[id.text()] = {{"Name", container->spec.name},
                               {"EndpointID", endpoint.endpoint_id},
                               {"MacAddress", endpoint.mac},
                               {"IPv4Address", text_of(endpoint.ipv4)},
                               {"IPv6Address", text_of(endpoint.ipv6)}};
    }
  }
  return containers;
}

Json network_inspect(const Network& network, const Context& context) {
  return {{"Name", network.name()},
          {"Id", network.id},
          {"Created", network.created_at},
          {"Scope", "local"},
          {"Driver", network.request.driver},
          {"EnableIPv4", network.request.enable_ipv4},
          {"EnableIPv6", network.request.enable_ipv6},
          {"IPAM", {{"Driver", "default"}, {"Options", nullptr}, {"Config", pools_json(network)}}},
          {"Internal", network.request.internal},
          {"Attachable", network.request.attachable},
          {"Ingress", false},
          {"ConfigFrom", {{"Network", ""}}},
          {"ConfigOnly", false},
          {"Containers", containers_json(context, network.id)},
          {"Options", network.request.options},
          {"Labels", network.request.labels}};
}

// ---- bridge, host and none ----

// A predefined network that is not stored yet.
Network network_of(const PredefinedNetwork& predefined, const Context& context) {
  Network network;
  network.id = predefined_network_id(predefined.name, context.paths.tag);
  network.created_at = docker::kNever;
  network.request.name = predefined.name;
  network.request.driver = predefined.driver;
  return network;
}

Json predefined_inspect(const PredefinedNetwork& predefined, const Context& context) {
  Json json = network_inspect(network_of(predefined, context), context);
  for (const auto& [id, container] : context.containers)
    if (container->running() && container->spec.network_mode == predefined.name)
      json["Containers"][id.text()] = {{"Name", container->spec.name},
                                       {"EndpointID", ""},
                                       {"MacAddress", ""},
                                       {"IPv4Address", ""},
                                       {"IPv6Address", ""}};
  return json;
}

const PredefinedNetwork* find_predefined(const std::string& name_or_id, const Context& context) {
  for (const PredefinedNetwork& predefined : kPredefinedNetworks) {
    bool by_id = name_or_id.size() >= 12 &&
                 predefined_network_id(predefined.name, context.paths.tag).starts_with(name_or_id);
    if (name_or_id == predefined.name || by_id) return &predefined;
  }
  return nullptr;
}

// Creates the bridge network when a client requests its addresses; in Docker it always exists.
Task<Result<>> ensure_bridge(Services& s) {
  if (s.networks.find(kBridgeNetwork)) co_return Result<>();
  NetworkRequest wanted;
  wanted.name = kBridgeNetwork;
  Result<NetworkPtr> made = co_await s.networks.create(std::move(wanted));
  CO_TRY(made);
  co_return Result<>();
}

// ---- requests ----

Result<NetworkRequest> read_request(const Json& json) {
  std::optional<Error> error;
  Members body(json, "", error);
  NetworkRequest wanted;
  body.read("Name", wanted.name);
  body.read("Driver", wanted.driver);
  body.read("Internal", wanted.internal);
  body.read("Attachable", wanted.attachable);
  body.read("EnableIPv4", wanted.enable_ipv4);
  body.read("EnableIPv6", wanted.enable_ipv6);
  body.read("Options", wanted.options);
  body.read("Labels", wanted.labels);
  Members ipam = body.object("IPAM");
  ipam.read("Driver", wanted.ipam_driver);
  ipam.each_item("Config", [&](const Members& pool) {
    NetworkRequest::Pool entry;
    pool.read("Subnet", entry.subnet);
    pool.read("IPRange", entry.ip_range);
    pool.read("Gateway", entry.gateway);
    pool.read("AuxiliaryAddresses", entry.auxiliary);
    wanted.pools.push_back(std::move(entry));
  });
  bool swarm = false;
  std::string scope;
  body.read("Ingress", swarm);
  body.read("Scope", scope);
  if (error) return *std::move(error);
  if (swarm || scope == "swarm") return conflict("this node is not a swarm manager: networks are local");
  return wanted;
}

Task<> create_network(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object();
  Result<NetworkRequest> wanted = body ? read_request(*body) : Result<NetworkRequest>(body.error());
  if (!wanted) {
    response.error(wanted.error());
    co_return;
  }
  if (is_predefined_network(wanted->name)) {
    response.error(403, "operation is not permitted on predefined " + wanted->name + " network ");
    co_return;
  }
  Result<NetworkPtr> made = co_await s.networks.create(std::move(*wanted));
  if (made) {
    response.json(201, {{"Id", (*made)->id}, {"Warning", ""}});
  } else {
    response.error(made.error());
  }
}

bool is_used(const Context& context, const Network& network, const DryRun& dry_run = {}) {
  return std::any_of(context.containers.begin(), context.containers.end(), [&](const auto& entry) {
    if (!dry_run.counts(entry.first)) return false;
    const std::vector<Endpoint>& endpoints = entry.second->endpoints;
    return std::any_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& e) {
      return e.network_id == network.id || e.spec.network == network.name();
    });
  });
}

docker::NetworkFacts facts_of(const Services& s, const Network& network) {
  return {network.id,
          network.name(),
          network.request.driver,
          network.request.labels,
          is_predefined_network(network.name()),
          is_used(s.context, network)};
}

Task<> list_networks(Services& s, Request& request, Response& response) {
  Result<docker::NetworkFilter> filter = docker::NetworkFilter::read(request.query.get("filters"));
  if (!filter) {
    response.error(filter.error());
    co_return;
  }
  Json rows = Json::array();
  for (const NetworkPtr& network : s.networks.list())
    if (filter->matches(facts_of(s, *network))) rows.push_back(network_inspect(*network, s.context));
  for (const PredefinedNetwork& predefined : kPredefinedNetworks)
    if (!s.networks.find(predefined.name) && filter->matches(facts_of(s, network_of(predefined, s.context))))
      rows.push_back(predefined_inspect(predefined, s.context));
  // Lists omit the containers since 1.28.
  if (request.version >= 28)
    for (Json& row : rows) row["Containers"] = Json::object();
  response.json(200, rows);
}

Task<> inspect_network(Services& s, Request& request, Response& response) {
  std::string name = request.param("id");
  const PredefinedNetwork* predefined = find_predefined(name, s.context);
  Result<> ready;
  if (predefined != nullptr && std::string_view(predefined->name) == kBridgeNetwork)
    ready = co_await ensure_bridge(s);
  if (!ready) {
    response.error(ready.error());
    co_return;
  }
  if (NetworkPtr network = s.networks.find(name)) {
    response.json(200, network_inspect(*network, s.context));
  } else if (predefined != nullptr) {
    response.json(200, predefined_inspect(*predefined, s.context));
  } else {
    response.error(404, "network " + name + " not found");
  }
}

Task<> remove_network(Services& s, Request& request, Response& response) {
  std::string name = request.param("id");
  NetworkPtr network = s.networks.find(name);
  if ((network && is_predefined_network(network->name())) || find_predefined(name, s.context) != nullptr) {
    response.error(403,
                   (network ? network->name() : name) + " is a pre-defined network and cannot be removed");
    co_return;
  }
  Result<> removed = co_await s.networks.remove(name);
  if (removed) {
    response.no_content();
  } else {
    response.error(removed.error());
  }
}

// The common parameters of connect and disconnect.
struct MembershipRequest {
  std::string container;
  bool force = false;
  EndpointSpec endpoint;
};

Result<MembershipRequest> read_membership(const Json& json, const std::string& network) {
  std::optional<Error> error;
  Members body(json, "", error);
  MembershipRequest wanted;
  body.read("Container", wanted.container);
  body.read("Force", wanted.force);
  if (error) return *std::move(error);
  const Json* endpoint = find_member(json, "EndpointConfig");
  TRY_ASSIGN(wanted.endpoint, docker::endpoint_from_json(endpoint != nullptr ? *endpoint : Json(), network));
  return wanted;
}

Task<> change_network_membership(Services& s, Request& request, Response& response, bool connect) {
  Result<Json> body = co_await request.body.read_object();
  Result<MembershipRequest> wanted =
      body ? read_membership(*body, request.param("id")) : Result<MembershipRequest>(body.error());
  Result<ContainerPtr> container =
      wanted ? s.context.require_container(wanted->container) : Result<ContainerPtr>(wanted.error());
  if (!container) {
    response.error(container.error());
    co_return;
  }
  const PredefinedNetwork* predefined = find_predefined(request.param("id"), s.context);
  if (predefined != nullptr && std::string_view(predefined->name) != kBridgeNetwork) {
    response.error(403, "container cannot be connected to or disconnected from host and none networks");
    co_return;
  }
  Result<> done;
  if (connect) {
    done = co_await s.networks.attach_network(*container, std::move(wanted->endpoint));
  } else {
    done = co_await s.networks.detach_network(*container, request.param("id"));
  }
  if (done) {
    response.no_content(200);
  } else {
    response.error(done.error());
  }
}

Task<> prune_networks(Services& s, Request& request, Response& response) {
  Result<docker::PruneFilter> filter =
      docker::PruneFilter::read(docker::FilterList::NetworksPrune, request.query.get("filters"));
  if (!filter) {
    response.error(filter.error());
    co_return;
  }
  const DryRun dry_run = DryRun::of(request);
  Json deleted = Json::array();
  for (const NetworkPtr& network : s.networks.list()) {
    if (is_used(s.context, *network, dry_run) || is_predefined_network(network->name())) continue;
    if (!filter->fits(network->request.labels, network->created_at)) continue;
    Result<> removed;
    if (!dry_run) removed = co_await s.networks.remove(network->id);
    if (removed) deleted.push_back(network->name());
  }
  if (!dry_run) s.context.events.publish("network", "prune", "", {{"reclaimed", "0"}});
  response.json(200, {{"NetworksDeleted", deleted}});
}

}  // namespace

void add_network_routes(http::Router& router, Services& s) {
  router.get("/networks", [&s](Request& q, Response& r) -> Task<> { co_await list_networks(s, q, r); });
  router.post("/networks/create",
              [&s](Request& q, Response& r) -> Task<> { co_await create_network(s, q, r); });
  router.post("/networks/prune",
              [&s](Request& q, Response& r) -> Task<> { co_await prune_networks(s, q, r); });
  router.get("/networks/{id}",
             [&s](Request& q, Response& r) -> Task<> { co_await inspect_network(s, q, r); });
  router.post("/networks/{id}/connect",
              [&s](Request& q, Response& r) -> Task<> { co_await change_network_membership(s, q, r, true); });
  router.post("/networks/{id}/disconnect", [&s](Request& q, Response& r) -> Task<> {
    co_await change_network_membership(s, q, r, false);
  });
  router.del("/networks/{id}", [&s](Request& q, Response& r) -> Task<> { co_await remove_network(s, q, r); });
}

}  // namespace stack::engine
