#include <algorithm>

#include "base/files.h"
#include "engine/network/host_files.h"
#include "engine/network/network_devices.h"
#include "net/link/route.h"

namespace stack::engine {

namespace {

// Ranges that a new subnet must not overlap: the machine's networks and name servers, and our networks.
Result<std::vector<Cidr>> subnets_in_use(const NetworkState& state) {
  TRY_ASSIGN(std::vector<Cidr> used, net::host_subnets(*state.host));
  for (const auto& [id, network] : state.networks)
    for (const net::AddressPool& pool : network->pools) used.push_back(pool.subnet);
  Result<std::string> resolver = read_file("/etc/resolv.conf");
  for (const std::string& server : parse_resolver_settings(resolver ? *resolver : "").servers)
    if (Result<IpAddress> address = parse_ip(server))
      used.push_back({*address, static_cast<uint8_t>(address->bits())});
  return used;
}

// Chooses from the default ranges, for twice the number of containers, because replaced containers overlap with new ones.
Result<Cidr> choose_ipv4(const NetworkRequest& request, const std::vector<Cidr>& pools,
                         const std::vector<Cidr>& used) {
  const uint8_t prefix = net::prefix_for(2 * request.expected_containers);
  std::vector<net::SubnetRange> ranges;
  for (const Cidr& pool : pools) {
    const uint8_t length = std::max(prefix, pool.prefix);
    ranges.push_back({pool.first(), Cidr{pool.last(), length}.first(), length});
  }
  if (ranges.empty()) ranges = net::default_subnet_ranges(prefix);
  return net::choose_subnet(ranges, used);
}

}  // namespace

Result<> choose_pools(const NetworkState& state, Network& network) {
  NetworkRequest& request = network.request;
  TRY_ASSIGN(std::vector<Cidr> used, subnets_in_use(state));
  bool has_v4 = false;
  bool has_v6 = false;
  for (NetworkRequest::Pool wanted : request.pools) {
    if (wanted.subnet.empty()) {
      TRY_ASSIGN(Cidr chosen, choose_ipv4(request, state.context.settings.address_pools, used));
      wanted.subnet = chosen.text();
    }
    TRY_ASSIGN(net::AddressPool pool, make_pool(wanted));
    for (const auto& [id, other] : state.networks)
      for (const net::AddressPool& theirs : other->pools)
        if (theirs.subnet.overlaps(pool.subnet))
          return conflict("subnet " + pool.subnet.text() + " overlaps with " + theirs.subnet.text() +
                          " of network " + other->name());
    (pool.subnet.family() == Family::V4 ? has_v4 : has_v6) = true;
    used.push_back(pool.subnet);
    network.pools.push_back(std::move(pool));
  }
  if (!has_v4 && request.enable_ipv4) {
    TRY_ASSIGN(Cidr chosen, choose_ipv4(request, state.context.settings.address_pools, used));
    TRY_ASSIGN(net::AddressPool pool, make_pool({chosen.text(), "", "", {}}));
    network.pools.insert(network.pools.begin(), std::move(pool));
  }
  if (!has_v6 && request.enable_ipv6) {
    TRY_ASSIGN(Cidr chosen, net::choose_ula_subnet(network.id, used));
    TRY_ASSIGN(net::AddressPool pool, make_pool({chosen.text(), "", "", {}}));
    network.pools.push_back(std::move(pool));
  }
  return {};
}

}  // namespace stack::engine
