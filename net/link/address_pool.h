// Choosing subnets for networks and addresses for endpoints. Pure: state is plain data that the caller keeps.
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

// 10.89.0.0 to 10.255.255.255 in subnets of this length: as /24, some 42,000 networks.
std::vector<SubnetRange> default_subnet_ranges(uint8_t prefix = 24);

// The length of an IPv4 subnet with room for so many containers: /24 for up to 253, shorter for more, never below /16.
uint8_t prefix_for(size_t containers);

// The first subnet of the ranges that overlaps none of `in_use` (other networks' subnets, the host's on-link
// routes: host_subnets() in net/link/route.h, name servers of resolv.conf as /32).
Result<Cidr> choose_subnet(std::span<const SubnetRange> ranges, std::span<const Cidr> in_use);

// A unique local /64 (RFC 4193) derived from `seed` (a network id), the next one where it is in use.
Result<Cidr> choose_ula_subnet(std::string_view seed, std::span<const Cidr> in_use);

// The address of the bridge where none is given: the first one of the subnet (or of ip_range as Docker does).
Result<IpAddress> default_gateway(const Cidr& subnet, const std::optional<Cidr>& ip_range = {});

// One subnet of one network.
struct AddressPool {
  Cidr subnet;
  std::optional<Cidr> ip_range;                // dynamic addresses come from here only
  std::optional<IpAddress> gateway;            // reserved
  std::map<std::string, IpAddress> auxiliary;  // aux_addresses: reserved, name -> address
  std::map<IpAddress, std::string> taken;      // address -> holder (an endpoint or container, for messages)
  std::optional<IpAddress> last;               // last one given out dynamically

  bool operator==(const AddressPool&) const = default;
};

// How many containers the pool can hold, those with static addresses included; at most 2^32.
uint64_t capacity_of(const AddressPool& pool);

// Checks that range, gateway and auxiliary addresses lie in the subnet, and that the subnet holds a
// container.
Result<> validate(const AddressPool& pool);

// The next free address after the last one given out, wrapping around: a freed address is used again as late
// as possible, so stale ARP and DNS entries of others do not meet a new owner. Never the network, broadcast
// (IPv4, prefixes up to /30) or subnet-router anycast (IPv6) address. Conflict when the pool is exhausted.
Result<IpAddress> allocate(AddressPool& pool, const std::string& holder);

// A static address. Conflict names the holder; the same holder asking again succeeds. ip_range does not bind
// it.
Result<> reserve(AddressPool& pool, const IpAddress& address, const std::string& holder);

// Idempotent.
void release(AddressPool& pool, const IpAddress& address);

}  // namespace stack::net
