// Network interfaces of one namespace: listing and removing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"
#include "net/link/host.h"

namespace stack::net {

struct Link {
  uint32_t index = 0;
  std::string name;
  std::string kind;     // "bridge", "veth", ...; "" for hardware and lo
  uint32_t master = 0;  // index of the bridge it is a port of
  uint32_t mtu = 0;
  bool up = false;
  bool running = false;  // has carrier, and the kernel sends by it
  MacAddress mac;
};

Result<std::vector<Link>> list_links(Host& host, std::string_view name_prefix = "");
// nullopt: there is none of this name.
Result<std::optional<Link>> find_link(Host& host, const std::string& name);

// Waits until an interface that just got its carrier transmits: the kernel drops what is sent earlier, and a
// lost first packet costs a TCP client a second. Recent kernels get there while we ask. False after
// `attempts` of 0.2 ms.
Result<bool> wait_until_running(Host& host, const std::string& name, int attempts);

// Removes them in one operation of the kernel (some 30 ms for any number, not each). Missing ones are
// skipped.
Result<> remove_links(Host& host, std::span<const std::string> names);

// An interface name is 1 to 15 characters, without '/', ':' and white space, and neither "." nor "..".
Result<> check_interface_name(std::string_view name);

}  // namespace stack::net
