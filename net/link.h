// Network interfaces of one namespace: listing and removing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.h"
#include "net/host.h"

namespace stack::net {

struct Link {
  uint32_t index = 0;
  std::string name;
  std::string kind;     // "bridge", "veth", ...; "" for hardware and lo
  uint32_t master = 0;  // index of the bridge it is a port of
  uint32_t mtu = 0;
  bool up = false;
  MacAddress mac;
};

Result<std::vector<Link>> list_links(Host& host, std::string_view name_prefix = "");
// nullopt: there is none of this name.
Result<std::optional<Link>> find_link(Host& host, const std::string& name);

// Removes them in one operation of the kernel (some 30 ms for any number, not each). Missing ones are
// skipped.
Result<> remove_links(Host& host, std::span<const std::string> names);

// An interface name is 1 to 15 characters, without '/', ':' and white space, and neither "." nor "..".
Result<> check_interface_name(std::string_view name);

}  // namespace stack::net
