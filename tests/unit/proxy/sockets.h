// Blocking loopback sockets for tests; every wait ends after ten seconds.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "base/fd.h"
#include "model/address.h"
#include "net/proxy/socket_address.h"

namespace stack::proxy {

inline IpAddress ip(const char* text) { return *parse_ip(text); }

inline void limit_waits(int fd) {
  timeval limit{10, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

inline Fd make_socket(const IpAddress& address, int type) {
  Fd fd(::socket(address.is_v4() ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
  limit_waits(fd.get());
  return fd;
}

// Not connected: bound, and listening if it is a stream.
inline Fd serve_on(const IpAddress& address, int type, uint16_t port = 0) {
  Fd fd = make_socket(address, type);
  SocketAddress local = socket_address(address, port);
  if (::bind(fd.get(), local.raw(), local.size) != 0) return {};
  if (type == SOCK_STREAM) (void)::listen(fd.get(), 1024);
  return fd;
}

inline Fd connect_to(const IpAddress& address, uint16_t port, int type = SOCK_STREAM) {
  Fd fd = make_socket(address, type);
  SocketAddress remote = socket_address(address, port);
  if (::connect(fd.get(), remote.raw(), remote.size) != 0) return {};
  return fd;
}

inline uint16_t port_of(const Fd& fd) {
  SocketAddress local;
  (void)::getsockname(fd.get(), local.raw(), &local.size);
  return ip_port_of(local)->port;
}

inline Fd accept_one(const Fd& listener) {
  Fd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  limit_waits(fd.get());
  return fd;
}

inline void say(const Fd& fd, std::string_view text) {
  (void)!::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

// Receives until `n` bytes, the end, or an error ("<end>", "<reset>", "<timeout>").
inline std::string hear(const Fd& fd, size_t n) {
  std::string out;
  std::string buffer(65536, '\0');
  while (out.size() < n) {
    ssize_t got = ::recv(fd.get(), buffer.data(), std::min(buffer.size(), n - out.size()), 0);
    if (got == 0) return out + "<end>";
    if (got < 0) return out + (errno == ECONNRESET ? "<reset>" : "<timeout>");
    out.append(buffer, 0, static_cast<size_t>(got));
  }
  return out;
}

}  // namespace stack::proxy
