#include "model/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/identity.h"

namespace stack {
namespace {

// Clears (`fill` 0x00) or sets (0xff) all bits after the first `prefix`.
IpAddress fill_host_bits(const IpAddress& address, unsigned prefix, uint8_t fill) {
  std::array<uint8_t, 16> bytes{};
  std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
  for (unsigned bit = prefix; bit < address.bits(); ++bit) {
    const auto mask = static_cast<uint8_t>(0x80U >> (bit % 8));
    uint8_t& byte = bytes[bit / 8];
    byte = static_cast<uint8_t>((byte & ~mask) | (fill & mask));
  }
  return *address_from(std::span(bytes).first(address.bytes().size()));
}

Result<uint8_t> parse_prefix(std::string_view text, unsigned most) {
  unsigned value = 0;
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0'))
    return invalid("invalid prefix length '" + std::string(text) + "'");
  for (const char c : text) {
    if (c < '0' || c > '9') return invalid("invalid prefix length '" + std::string(text) + "'");
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > most) return invalid("prefix length " + std::string(text) + " is too long");
  return static_cast<uint8_t>(value);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

IpAddress IpAddress::v4(uint32_t host_order) {
  IpAddress address;
  for (unsigned i = 0; i < 4; ++i) address.bytes_[i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

IpAddress IpAddress::v6(const std::array<uint8_t, 16>& network_order) {
  IpAddress address;
  address.family_ = Family::V6;
  address.bytes_ = network_order;
  return address;
}

uint32_t IpAddress::v4_value() const {
  return uint32_t{bytes_[0]} << 24 | uint32_t{bytes_[1]} << 16 | uint32_t{bytes_[2]} << 8 | bytes_[3];
}

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t byte) { return byte == 0; });
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  const int family = is_v4() ? AF_INET : AF_INET6;
  return inet_ntop(family, bytes_.data(), buffer, sizeof buffer);
}

std::optional<IpAddress> address_from(std::span<const uint8_t> bytes) {
  if (bytes.size() == 4)
    return IpAddress::v4(uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 |
                         bytes[3]);
  if (bytes.size() != 16) return std::nullopt;
  std::array<uint8_t, 16> copy{};
  std::copy(bytes.begin(), bytes.end(), copy.begin());
  return IpAddress::v6(copy);
}

Result<IpAddress> parse_ip(std::string_view text) {
  const std::string copy(text);
  std::array<uint8_t, 16> bytes{};
  const bool complete = copy.size() == std::char_traits<char>::length(copy.c_str());
  if (complete && inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1)
    return *address_from(std::span(bytes).first(4));
  if (complete && inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return IpAddress::v6(bytes);
  return invalid("invalid IP address '" + copy + "'");
}

bool overlap(const std::optional<IpAddress>& one, const std::optional<IpAddress>& other) {
  if (!one || !other) return true;
  if (one->family() != other->family()) return false;
  return one->is_unspecified() || other->is_unspecified() || *one == *other;
}

Result<IpAddress> offset(const IpAddress& address, int64_t delta) {
  if (address.is_v4()) {
    const int64_t value = int64_t{address.v4_value()} + delta;
    if (value < 0 || value > 0xffffffff) return invalid("address out of range");
    return IpAddress::v4(static_cast<uint32_t>(value));
  }
  std::array<uint8_t, 16> bytes{};
  std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
  // Adds byte by byte from the right; `delta` becomes the carry, or -1 for a borrow.
  for (size_t i = 16; i-- > 0 && delta != 0;) {
    const int64_t sum = int64_t{bytes[i]} + (delta & 0xff);
    bytes[i] = static_cast<uint8_t>(sum & 0xff);
    delta = (delta >> 8) + (sum >> 8);
  }
  if (delta != 0) return invalid("address out of range");
  return IpAddress::v6(bytes);
}

IpAddress Cidr::first() const { return fill_host_bits(address, prefix, 0x00); }
IpAddress Cidr::last() const { return fill_host_bits(address, prefix, 0xff); }

bool Cidr::contains(const IpAddress& other) const {
  return other.family() == family() && fill_host_bits(other, prefix, 0x00) == first();
}

bool Cidr::contains(const Cidr& other) const { return prefix <= other.prefix && contains(other.address); }

std::string Cidr::text() const { return address.text() + "/" + std::to_string(prefix); }

Result<Cidr> parse_cidr(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos)
    return invalid("invalid subnet '" + std::string(text) +
                   "': expected address/prefix, such as 10.1.2.0/24");
  TRY_ASSIGN(const IpAddress address, parse_ip(text.substr(0, slash)));
  TRY_ASSIGN(const uint8_t prefix, parse_prefix(text.substr(slash + 1), address.bits()));
  return Cidr{address, prefix};
}

std::string MacAddress::text() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Result<MacAddress> parse_mac(std::string_view text) {
  const Error wrong = invalid("invalid MAC address '" + std::string(text) + "'");
  if (text.size() != 17) return wrong;
  MacAddress mac;
  for (size_t i = 0; i < 6; ++i) {
    const int high = hex_digit(text[i * 3]);
    const int low = hex_digit(text[i * 3 + 1]);
    const bool separated = i == 5 || text[i * 3 + 2] == ':' || text[i * 3 + 2] == '-';
    if (high < 0 || low < 0 || !separated) return wrong;
    mac.bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if ((mac.bytes[0] & 1) != 0)
    return invalid("MAC address '" + std::string(text) + "' is a multicast address");
  return mac;
}

MacAddress mac_of(const IpAddress& address) {
  MacAddress mac{{0x02, 0x42, 0, 0, 0, 0}};
  if (address.is_v4()) {
    std::copy(address.bytes().begin(), address.bytes().end(), mac.bytes.begin() + 2);
    return mac;
  }
  const std::string digest = sha256_hex(address.text());
  for (size_t i = 0; i < 4; ++i)
    mac.bytes[i + 2] = static_cast<uint8_t>(hex_digit(digest[i * 2]) << 4 | hex_digit(digest[i * 2 + 1]));
  return mac;
}

}  // namespace stack
