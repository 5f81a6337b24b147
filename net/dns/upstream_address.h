// The address of a resolver.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/address.h"

namespace stack::dns {

struct UpstreamAddress {
  IpAddress ip;
  uint16_t port = 53;
  std::string scope = {};  // interface of a link-local IPv6 address, as in "fe80::1%eth0"
  auto operator<=>(const UpstreamAddress&) const = default;
};

// "1.1.1.1", "fd00::1", "fe80::1%eth0".
Result<UpstreamAddress> parse_upstream(std::string_view text);
// "1.1.1.1:53", "[fd00::1]:53".
std::string text_of(const UpstreamAddress& address);

}  // namespace stack::dns
