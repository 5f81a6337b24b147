#include "engine/network/endpoint_choice.h"

#include <algorithm>
#include <tuple>

namespace stack::engine {

namespace {

bool has_address(const Endpoint& endpoint, Family family) { return endpoint.address(family).has_value(); }

}  // namespace

std::optional<IpAddress> gateway_of(const NetworkPtr& network, Family family) {
  if (!network || network->request.internal) return std::nullopt;
  for (const net::AddressPool& pool : network->pools)
    if (pool.subnet.family() == family && pool.gateway) return pool.gateway;
  return std::nullopt;
}

std::vector<Endpoint*> in_connection_order(Container& container) {
  std::vector<Endpoint*> order;
  for (Endpoint& endpoint : container.endpoints) order.push_back(&endpoint);
  std::stable_sort(order.begin(), order.end(), [&](const Endpoint* a, const Endpoint* b) {
    if (a->spec.priority != b->spec.priority) return a->spec.priority > b->spec.priority;
    return a->spec.network < b->spec.network;
  });
  return order;
}

std::vector<const Endpoint*> by_gateway_priority(const NetworkState& state, const Container& container) {
  auto rank = [&](const Endpoint* endpoint) {
    NetworkPtr network = state.by_id(endpoint->network_id);
    int families = 0;
    for (Family family : {Family::V4, Family::V6}) families += gateway_of(network, family) ? 1 : 0;
    return std::make_tuple(-endpoint->spec.gw_priority, network && network->request.internal, -families,
                           network ? network->name() : "");
  };
  std::vector<const Endpoint*> order;
  for (const Endpoint& endpoint : container.endpoints)
    if (endpoint.attached) order.push_back(&endpoint);
  std::sort(order.begin(), order.end(),
            [&](const Endpoint* a, const Endpoint* b) { return rank(a) < rank(b); });
  return order;
}

net::DefaultGateways gateways_of(const NetworkState& state, const Container& container) {
  net::DefaultGateways gateways;
  for (const Endpoint* endpoint : by_gateway_priority(state, container)) {
    NetworkPtr network = state.by_id(endpoint->network_id);
    if (!gateways.v4 && has_address(*endpoint, Family::V4)) gateways.v4 = gateway_of(network, Family::V4);
    if (!gateways.v6 && has_address(*endpoint, Family::V6)) gateways.v6 = gateway_of(network, Family::V6);
  }
  return gateways;
}

const Endpoint* port_endpoint(const NetworkState& state, const Container& container, Family family) {
  const Endpoint* first = nullptr;
  for (const Endpoint* endpoint : by_gateway_priority(state, container)) {
    NetworkPtr network = state.by_id(endpoint->network_id);
    // The host cannot reach its own macvlan and ipvlan interfaces.
    if (!has_address(*endpoint, family) || !network || !network->is_bridge()) continue;
    if (gateway_of(network, family)) return endpoint;
    if (first == nullptr) first = endpoint;
  }
  return first;
}

std::vector<std::string> addresses_of(const Container& container) {
  std::vector<std::string> addresses;
  for (const Endpoint& endpoint : container.endpoints) {
    if (!endpoint.attached) continue;
    for (const IpAddress& address : endpoint.addresses()) addresses.push_back(address.text());
  }
  return addresses;
}

}  // namespace stack::engine
