// Conversion between our addresses and the kernel's. Private to this library.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "model/address.h"

namespace stack::proxy {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const IpAddress& ip, uint16_t port);

struct IpPort {
  IpAddress ip;
  uint16_t port = 0;
  auto operator<=>(const IpPort&) const = default;
};
// nullopt for families other than IPv4 and IPv6.
std::optional<IpPort> ip_port_of(const SocketAddress& address);

}  // namespace stack::proxy
