#include "net/dns/zone.h"

#include <algorithm>

#include "base/text.h"

namespace stack::dns {

void Zone::set_network(const std::string& network_id, ZoneNetwork spec) {
  Network& network = networks_[network_id];
  network.key = lower(spec.name);
  network.spec = std::move(spec);
}

void Zone::remove_network(const std::string& network_id) { networks_.erase(network_id); }

bool Zone::set_endpoint(const std::string& network_id, const std::string& endpoint_id, EndpointNames spec) {
  auto found = networks_.find(network_id);
  if (found == networks_.end()) return false;
  remove_endpoint(network_id, endpoint_id);
  Network& network = found->second;
  auto endpoint = std::make_unique<Endpoint>();
  endpoint->addresses = std::move(spec.addresses);
  for (const std::string& name : spec.names) {
    std::string key = lower(name);
    if (key.empty() ||
        std::find(endpoint->names.begin(), endpoint->names.end(), key) != endpoint->names.end())
      continue;
    endpoint->names.push_back(std::move(key));
  }
  for (const std::string& name : endpoint->names) network.by_name[name].push_back(endpoint.get());
  for (const IpAddress& address : endpoint->addresses) network.by_address[address] = endpoint.get();
  network.endpoints[endpoint_id] = std::move(endpoint);
  return true;
}

void Zone::remove_endpoint(const std::string& network_id, const std::string& endpoint_id) {
  auto network = networks_.find(network_id);
  if (network == networks_.end()) return;
  auto endpoint = network->second.endpoints.find(endpoint_id);
  if (endpoint == network->second.endpoints.end()) return;
  forget(network->second, *endpoint->second);
  network->second.endpoints.erase(endpoint);
}

void Zone::forget(Network& network, const Endpoint& endpoint) {
  for (const std::string& name : endpoint.names) {
    auto place = network.by_name.find(name);
    if (place == network.by_name.end()) continue;
    std::erase(place->second, &endpoint);
    if (place->second.empty()) network.by_name.erase(place);
  }
  // The address may already belong to another endpoint.
  for (const IpAddress& address : endpoint.addresses) {
    auto place = network.by_address.find(address);
    if (place != network.by_address.end() && place->second == &endpoint) network.by_address.erase(place);
  }
}

const Zone::Network* Zone::network(std::string_view id) const {
  auto found = networks_.find(id);
  return found == networks_.end() ? nullptr : &found->second;
}

void Zone::find_on(const Network& network, std::string_view name, Found& found) {
  auto place = network.by_name.find(name);
  if (place == network.by_name.end()) return;
  found.known = true;
  for (const Endpoint* endpoint : place->second)
    for (const IpAddress& address : endpoint->addresses)
      if (std::find(found.addresses.begin(), found.addresses.end(), address) == found.addresses.end())
        found.addresses.push_back(address);
}

Zone::Found Zone::find(const View& view, std::string_view name) const {
  Found found;
  if (auto link = view.links.find(std::string(name)); link != view.links.end() && link->second != name) {
    View rest{view.networks, {}};
    found = find(rest, lower(link->second));
    if (found.known) return found;
  }
  // "a.b.c": the whole name first, then "a.b" on network "c", then "a" on network "b.c".
  for (size_t dot = name.size(); dot != std::string_view::npos && dot != 0; dot = name.rfind('.', dot - 1)) {
    std::string_view wanted = dot < name.size() ? name.substr(dot + 1) : std::string_view();
    for (const std::string& id : view.networks) {
      const Network* candidate = network(id);
      if (candidate == nullptr || (!wanted.empty() && candidate->key != wanted)) continue;
      find_on(*candidate, name.substr(0, dot), found);
      if (!found.addresses.empty()) return found;
    }
  }
  return found;
}

std::optional<std::string> Zone::find_name(const View& view, const IpAddress& address) const {
  for (const std::string& id : view.networks) {
    const Network* candidate = network(id);
    if (candidate == nullptr) continue;
    auto place = candidate->by_address.find(address);
    if (place == candidate->by_address.end() || place->second->names.empty()) continue;
    return place->second->names.front() + "." + candidate->spec.name;
  }
  return std::nullopt;
}

bool Zone::owns_address(const View& view, const IpAddress& address) const {
  for (const std::string& id : view.networks) {
    const Network* candidate = network(id);
    if (candidate == nullptr) continue;
    for (const Cidr& subnet : candidate->spec.subnets)
      if (subnet.contains(address)) return true;
  }
  return false;
}

bool Zone::is_internal_name(const View& view, std::string_view name) const {
  return std::any_of(view.networks.begin(), view.networks.end(), [&](const std::string& id) {
    const Network* candidate = network(id);
    if (candidate == nullptr || !candidate->spec.internal || !name.ends_with(candidate->key)) return false;
    size_t rest = name.size() - candidate->key.size();
    return rest == 0 || name[rest - 1] == '.';
  });
}

bool Zone::has_way_out(const View& view) const {
  return std::any_of(view.networks.begin(), view.networks.end(), [&](const std::string& id) {
    const Network* candidate = network(id);
    return candidate != nullptr && !candidate->spec.internal;
  });
}

}  // namespace stack::dns
