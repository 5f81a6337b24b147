#include "net/link/address_pool.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/identity.h"

namespace stack::net {
namespace {

bool free_of(const Cidr& candidate, std::span<const Cidr> in_use) {
  return std::none_of(in_use.begin(), in_use.end(),
                      [&](const Cidr& used) { return used.overlaps(candidate); });
}

// Makes one pass over the blockers, which are sorted by first address.
std::optional<Cidr> first_free(const SubnetRange& range, std::span<const Cidr> blockers) {
  Cidr candidate = Cidr{range.first, range.prefix}.network();
  for (const Cidr& blocker : blockers) {
    if (blocker.family() != candidate.family() || blocker.last() < candidate.address) continue;
    if (blocker.address > candidate.last()) break;
    // Skips the whole blocker, which may be a /8.
    const auto next = offset(std::max(blocker.last(), candidate.last()), 1);
    if (!next) return std::nullopt;
    candidate = Cidr{*next, range.prefix}.network();
  }
  if (candidate.address > range.last) return std::nullopt;
  return candidate;
}

// IPv4 networks of /31 and /32 have neither a network nor a broadcast address (RFC 3021).
bool is_reserved_by_protocol(const Cidr& subnet, const IpAddress& address) {
  if (subnet.address.is_v4()) {
    return subnet.prefix <= 30 && (address == subnet.first() || address == subnet.last());
  }
  return subnet.prefix <= 126 && address == subnet.first();  // subnet-router anycast, RFC 4291 section 2.6.1
}

// The holder of the address, "" = none.
std::string holder_of(const AddressPool& pool, const IpAddress& address) {
  if (is_reserved_by_protocol(pool.subnet, address))
    return address == pool.subnet.first() ? "the network itself" : "broadcast";
  if (pool.gateway == address) return "the gateway";
  for (const auto& [name, reserved] : pool.auxiliary)
    if (reserved == address) return "aux_addresses: " + name;
  const auto taken = pool.taken.find(address);
  return taken == pool.taken.end() ? "" : taken->second;
}

IpAddress next_in(const Cidr& range, const IpAddress& address) {
  if (!range.contains(address) || address == range.last()) return range.first();
  return offset(address, 1).value_or(range.first());
}

}  // namespace

std::vector<SubnetRange> default_subnet_ranges(uint8_t prefix) {
  // 10.89.0.0 - 10.255.255.255, then for machines whose VPN has 10.0.0.0/8: 172.17.0.0 - 172.31.255.255 and 192.168.0.0/16.
  const std::pair<uint32_t, uint32_t> kRanges[] = {
      {0x0a590000, 0x0affffff}, {0xac110000, 0xac1fffff}, {0xc0a80000, 0xc0a8ffff}};
  std::vector<SubnetRange> ranges;
  for (const auto& [first, last] : kRanges)
    ranges.push_back({IpAddress::v4(first), Cidr{IpAddress::v4(last), prefix}.first(), prefix});
  return ranges;
}

uint8_t prefix_for(size_t containers) {
  constexpr size_t kReserved = 3;  // network, gateway, broadcast
  uint8_t prefix = 24;
  while (prefix > 16 && (size_t{1} << (32 - prefix)) - kReserved < containers) --prefix;
  return prefix;
}

uint64_t capacity_of(const AddressPool& pool) {
  const unsigned host_bits = std::min(pool.subnet.address.bits() - pool.subnet.prefix, 32U);
  uint64_t reserved = pool.auxiliary.size() + (pool.gateway ? 1 : 0);
  if (is_reserved_by_protocol(pool.subnet, pool.subnet.first())) ++reserved;
  if (is_reserved_by_protocol(pool.subnet, pool.subnet.last())) ++reserved;
  const uint64_t all = uint64_t{1} << host_bits;
  return all > reserved ? all - reserved : 0;
}

Result<Cidr> choose_subnet(std::span<const SubnetRange> ranges, std::span<const Cidr> in_use) {
  std::vector<Cidr> blockers;
  for (const Cidr& used : in_use) blockers.push_back(used.network());
  std::sort(blockers.begin(), blockers.end());
  for (const SubnetRange& range : ranges)
    if (const auto found = first_free(range, blockers)) return *found;
  return conflict("no free subnet for a network: all address ranges are in use");
}

Result<Cidr> choose_ula_subnet(std::string_view seed, std::span<const Cidr> in_use) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::string digest = sha256_hex(std::string(seed) + (attempt == 0 ? "" : std::to_string(attempt)));
    std::array<uint8_t, 16> bytes{0xfd};
    for (size_t i = 1; i < 8; ++i)
      bytes[i] = static_cast<uint8_t>(std::stoul(digest.substr(i * 2, 2), nullptr, 16));
    const Cidr candidate{IpAddress::v6(bytes), 64};
    if (free_of(candidate, in_use)) return candidate;
  }
  return conflict("no free IPv6 subnet for a network");
}

Result<IpAddress> default_gateway(const Cidr& subnet, const std::optional<Cidr>& ip_range) {
  const Cidr range = ip_range.value_or(subnet).network();
  const Cidr whole = subnet.network();
  if (!whole.contains(range))
    return invalid("ip_range " + range.text() + " is not in subnet " + whole.text());
  IpAddress address = range.first();
  if (is_reserved_by_protocol(whole, address)) {
    TRY_ASSIGN(address, offset(address, 1));
  }
  return address;
}

Result<> validate(const AddressPool& pool) {
  const Cidr subnet = pool.subnet.network();
  const auto outside = [&](const std::string& what, const std::string& text) {
    return invalid(what + " " + text + " is not in subnet " + subnet.text());
  };
  if (pool.subnet != subnet)
    return invalid("subnet " + pool.subnet.text() + " has host bits set; did you mean " + subnet.text() +
                   "?");
  if (pool.subnet.prefix + 1U > pool.subnet.address.bits())
    return invalid("subnet " + subnet.text() + " is too small for a container");
  if (pool.ip_range && !subnet.contains(*pool.ip_range)) return outside("ip_range", pool.ip_range->text());
  if (pool.gateway && !subnet.contains(*pool.gateway)) return outside("gateway", pool.gateway->text());
  if (pool.gateway && is_reserved_by_protocol(subnet, *pool.gateway))
    return invalid("gateway " + pool.gateway->text() + " is the network or broadcast address of " +
                   subnet.text());
  for (const auto& [name, address] : pool.auxiliary)
    if (!subnet.contains(address)) return outside("auxiliary address " + name, address.text());
  return {};
}

Result<IpAddress> allocate(AddressPool& pool, const std::string& holder) {
  const Cidr range = pool.ip_range.value_or(pool.subnet).network();
  const IpAddress start = next_in(range, pool.last.value_or(range.last()));
  // Each step skips one held address, so the number of taken and reserved addresses bounds the search.
  const size_t most = pool.taken.size() + pool.auxiliary.size() + 4;
  IpAddress candidate = start;
  for (size_t step = 0; step < most; ++step) {
    if (holder_of(pool, candidate).empty()) {
      pool.taken.emplace(candidate, holder);
      pool.last = candidate;
      return candidate;
    }
    candidate = next_in(range, candidate);
    if (candidate == start) break;
  }
  return conflict("no free address in " + range.text() + ": " + std::to_string(pool.taken.size()) +
                  " addresses are in use");
}

Result<> reserve(AddressPool& pool, const IpAddress& address, const std::string& holder) {
  if (!pool.subnet.contains(address))
    return invalid("address " + address.text() + " is not in subnet " + pool.subnet.network().text());
  const std::string present = holder_of(pool, address);
  if (pool.taken.contains(address) && present == holder) return {};
  if (!present.empty()) return conflict("address " + address.text() + " is already in use by " + present);
  pool.taken.emplace(address, holder);
  return {};
}

void release(AddressPool& pool, const IpAddress& address) { pool.taken.erase(address); }

}  // namespace stack::net
