// IP addresses, prefixes, and MAC addresses as plain values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

enum class Family : uint8_t { V4, V6 };

// An IPv4 or IPv6 address. Ordered by family, then numerically.
class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  static IpAddress v4(uint32_t host_order);
  static IpAddress v6(const std::array<uint8_t, 16>& network_order);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::V4; }
  unsigned bits() const { return is_v4() ? 32 : 128; }
  // Network byte order, 4 or 16 bytes.
  std::span<const uint8_t> bytes() const { return {bytes_.data(), is_v4() ? 4U : 16U}; }
  // IPv4 only, host byte order.
  uint32_t v4_value() const;
  bool is_unspecified() const;  // 0.0.0.0 or ::
  bool is_loopback() const;     // 127.0.0.0/8 or ::1
  std::string text() const;     // RFC 5952 for IPv6

  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::V4;
  std::array<uint8_t, 16> bytes_{};
};

// From 4 or 16 bytes in network order; nullopt for other lengths.
std::optional<IpAddress> address_from(std::span<const uint8_t> bytes);

// "10.1.2.3" or "fd00::1"; without scope IDs, brackets, or leading zeros in IPv4 parts.
Result<IpAddress> parse_ip(std::string_view text);

// Whether sockets on these addresses exclude each other. None stands for all addresses of both families; 0.0.0.0 and ::
// stand for those of their own family.
bool overlap(const std::optional<IpAddress>& one, const std::optional<IpAddress>& other);

// `address` + `delta`; an error if the result is outside the family's range.
Result<IpAddress> offset(const IpAddress& address, int64_t delta);

// An address with the length of its network part: "10.89.0.5/24".
struct Cidr {
  IpAddress address;
  uint8_t prefix = 32;

  Family family() const { return address.family(); }
  IpAddress first() const;  // all host bits 0: the network address
  IpAddress last() const;   // all host bits 1: in IPv4 the broadcast address
  Cidr network() const { return {first(), prefix}; }
  bool contains(const IpAddress& other) const;
  bool contains(const Cidr& other) const;
  bool overlaps(const Cidr& other) const { return contains(other) || other.contains(*this); }
  std::string text() const;

  auto operator<=>(const Cidr&) const = default;
};

// "address/prefix"; keeps host bits (network() clears them).
Result<Cidr> parse_cidr(std::string_view text);

struct MacAddress {
  std::array<uint8_t, 6> bytes{};
  std::string text() const;  // "02:42:0a:59:00:02"
  auto operator<=>(const MacAddress&) const = default;
};

// "02:42:0a:59:00:02", ':' or '-' between the octets.
Result<MacAddress> parse_mac(std::string_view text);

// 02:42 followed by the IPv4 address, so that ARP entries of neighbors stay valid when the address passes to another
// container. For IPv6: 02:42 and a hash of the address.
MacAddress mac_of(const IpAddress& address);

}  // namespace stack
