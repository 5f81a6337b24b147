#include "engine/network/address_lease.h"

namespace stack::engine {

AddressLease::~AddressLease() {
  if (!network_) return;
  for (net::AddressPool& pool : network_->pools)
    if (pool.subnet.contains(address_)) net::release(pool, address_);
}

namespace {

// nullopt: the requested address does not belong to this pool.
Result<std::optional<IpAddress>> take_from(net::AddressPool& pool, bool only_pool,
                                           const std::optional<IpAddress>& wanted,
                                           const std::optional<Cidr>& former, const std::string& holder) {
  if (wanted) {
    if (!pool.subnet.contains(*wanted)) {
      if (!only_pool) return std::optional<IpAddress>();
      return invalid("address " + wanted->text() + " is not in the subnet " + pool.subnet.text());
    }
    TRY(net::reserve(pool, *wanted, holder));
    return wanted;
  }
  if (former && pool.subnet.contains(former->address) && !pool.taken.contains(former->address) &&
      net::reserve(pool, former->address, holder))
    return std::optional(former->address);
  TRY_ASSIGN(IpAddress chosen, net::allocate(pool, holder));
  return std::optional(chosen);
}

}  // namespace

Result<std::vector<AddressLease>> lease_addresses(const NetworkPtr& network, Endpoint& endpoint,
                                                  const std::string& holder) {
  std::vector<AddressLease> leases;
  leases.reserve(network->pools.size());
  bool taken[2] = {false, false};
  std::optional<Error> refusal[2];
  for (net::AddressPool& pool : network->pools) {
    bool v4 = pool.subnet.family() == Family::V4;
    // One address per family; additional pools of a family serve only requested addresses.
    if (taken[v4 ? 0 : 1]) continue;
    const std::optional<IpAddress>& wanted = v4 ? endpoint.spec.ipv4_address : endpoint.spec.ipv6_address;
    std::optional<Cidr>& address = endpoint.address(pool.subnet.family());
    Result<std::optional<IpAddress>> got =
        take_from(pool, network->pools.size() == 1, wanted, address, holder);
    // The next pool of this family may have a free address.
    if (!got) refusal[v4 ? 0 : 1] = got.error();
    if (!got || !*got) continue;
    leases.emplace_back(network, **got);
    taken[v4 ? 0 : 1] = true;
    address = Cidr{**got, pool.subnet.prefix};
  }
  for (bool v4 : {true, false}) {
    if (taken[v4 ? 0 : 1]) continue;
    if (refusal[v4 ? 0 : 1]) return *refusal[v4 ? 0 : 1];
    const std::optional<IpAddress>& wanted = v4 ? endpoint.spec.ipv4_address : endpoint.spec.ipv6_address;
    if (wanted)
      return invalid("address " + wanted->text() + " is not in any subnet of network " + network->name());
    // An address from an earlier run is invalid on a network without this family.
    endpoint.address(v4 ? Family::V4 : Family::V6).reset();
  }
  return leases;
}

Result<std::vector<AddressLease>> readopt_addresses(const NetworkPtr& network, const Endpoint& endpoint,
                                                    const std::string& holder) {
  std::vector<AddressLease> leases;
  leases.reserve(2);
  for (net::AddressPool& pool : network->pools)
    for (const IpAddress& address : endpoint.addresses()) {
      if (!pool.subnet.contains(address)) continue;
      TRY(net::reserve(pool, address, holder));
      leases.emplace_back(network, address);
      pool.last = address;
    }
  return leases;
}

}  // namespace stack::engine
