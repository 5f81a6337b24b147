// Lists and removes network interfaces of one namespace.
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
  bool running = false;  // has carrier and transmits
  MacAddress mac;
};

Result<std::vector<Link>> list_links(Host& host, std::string_view name_prefix = "");
// nullopt if there is no such interface.
Result<std::optional<Link>> find_link(Host& host, const std::string& name);

// Waits until an interface with a new carrier transmits. The kernel drops earlier packets, and a lost first packet delays a
// TCP client by a second. Recent kernels are usually ready at the first check. Returns false after `attempts` of 0.2 ms.
Result<bool> wait_until_running(Host& host, const std::string& name, int attempts);

// Removes the interfaces in one kernel operation (about 30 ms for any number). Skips missing ones.
Result<> remove_links(Host& host, std::span<const std::string> names);

// An interface name has 1 to 15 characters, without '/', ':', and white space, and is not "." or "..".
Result<> check_interface_name(std::string_view name);

}  // namespace stack::net
