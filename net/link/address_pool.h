// Chooses subnets for networks and addresses for endpoints. Pure: the caller keeps the state.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/address.h"

namespace stack::net {

// Subnets of length `prefix`, from the one at `first` to the one at `last`, in this order.
struct SubnetRange {
  IpAddress first;
  IpAddress last;
  uint8_t prefix = 24;
};

// 10.89.0.0 to 10.255.255.255 in subnets of this length (about 42,000 networks of /24), then 172.17.0.0 to 172.31.255.255 and
// 192.168.0.0/16.
std::vector<SubnetRange> default_subnet_ranges(uint8_t prefix = 24);

// The prefix length of an IPv4 subnet for this number of containers: /24 for up to 253, shorter for more, at least /16.
uint8_t prefix_for(size_t containers);

// The first subnet in the ranges that does not overlap `in_use` (subnets of other networks; the host's on-link routes, see
// host_subnets() in net/link/route.h; name servers in resolv.conf as /32).
Result<Cidr> choose_subnet(std::span<const SubnetRange> ranges, std::span<const Cidr> in_use);

// A unique local /64 (RFC 4193) derived from `seed` (a network ID), or the next free one.
Result<Cidr> choose_ula_subnet(std::string_view seed, std::span<const Cidr> in_use);

// The default address of the bridge: the first of the subnet, or of ip_range like in Docker.
Result<IpAddress> default_gateway(const Cidr& subnet, const std::optional<Cidr>& ip_range = {});

// One subnet of one network.
struct AddressPool {
  Cidr subnet;
  std::optional<Cidr> ip_range;                // range of dynamic addresses
  std::optional<IpAddress> gateway;            // reserved
  std::map<std::string, IpAddress> auxiliary;  // aux_addresses: reserved, name -> address
  std::map<IpAddress, std::string> taken;      // address -> holder (an endpoint or container, for messages)
  std::optional<IpAddress> last;               // last address allocated dynamically

  bool operator==(const AddressPool&) const = default;
};

// Maximum number of containers, including those with static addresses; at most 2^32.
uint64_t capacity_of(const AddressPool& pool);

// Checks that range, gateway, and auxiliary addresses are in the subnet, and that the subnet is large enough for a
// container.
Result<> validate(const AddressPool& pool);

// Allocates the next free address after the last one, with wraparound. An address is reused as late as possible, so that
// stale ARP and DNS entries do not reach a new owner. Skips the network, broadcast (IPv4, prefixes up to /30), and
// subnet-router anycast (IPv6) addresses. Conflict if the pool is exhausted.
Result<IpAddress> allocate(AddressPool& pool, const std::string& holder);

// Reserves a static address, which may be outside ip_range. A Conflict names the holder; repeated calls by the same holder
// succeed.
Result<> reserve(AddressPool& pool, const IpAddress& address, const std::string& holder);

// Idempotent.
void release(AddressPool& pool, const IpAddress& address);

}  // namespace stack::net
