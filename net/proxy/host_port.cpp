#include "net/proxy/host_port.h"

#include <netinet/tcp.h>

#include "net/proxy/socket_address.h"

namespace stack::proxy {

namespace {

constexpr int kBacklog = 4096;
// A port chosen by the kernel on the first address may be in use on the next one.
constexpr int kAnyPortTries = 16;

Result<> turn_on(int fd, int level, int option, std::string_view name) {
  int on = 1;
  if (::setsockopt(fd, level, option, &on, sizeof(on)) != 0) return Error::last_errno(name);
  return {};
}

Result<Fd> open_socket(const IpAddress& ip, Protocol protocol) {
  int type = protocol == Protocol::Tcp ? SOCK_STREAM : SOCK_DGRAM;
  Fd fd(::socket(ip.is_v4() ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::last_errno("socket");
  if (!ip.is_v4()) TRY(turn_on(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY"));
  if (protocol == Protocol::Tcp) TRY(turn_on(fd.get(), SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"));
  return fd;
}

// Errors keep their errno: after EADDRINUSE, the next port is tried.
Result<BoundPort> bind_one(const IpAddress& ip, uint16_t port, Protocol protocol) {
  TRY_ASSIGN(Fd fd, open_socket(ip, protocol));
  SocketAddress address = socket_address(ip, port);
  if (::bind(fd.get(), address.raw(), address.size) != 0) return Error::last_errno("bind");
  // If both sockets set SO_REUSEADDR, only listen(2) detects a second listener.
  if (protocol == Protocol::Tcp && ::listen(fd.get(), kBacklog) != 0) return Error::last_errno("listen");
  return adopt_host_port(std::move(fd));
}

std::string bracketed(const IpAddress& ip) { return ip.is_v4() ? ip.text() : "[" + ip.text() + "]"; }

Error taken(const IpAddress& ip, PortRange range, Protocol protocol) {
  std::string where = " on " + bracketed(ip);
  if (range.first != range.last)
    return conflict("ports " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" +
                    to_text(protocol) + where + " are all in use");
  std::string what = "port " + std::to_string(range.first) + "/" + to_text(protocol) + where;
  std::optional<std::string> owner = port_owner(ip, range.first, protocol);
  return conflict(owner ? what + " is taken by " + *owner : what + " is already in use");
}

Error failed(Error error, const IpAddress& ip, uint16_t port, Protocol protocol) {
  std::string what = "port " + std::to_string(port) + "/" + to_text(protocol) + " on " + bracketed(ip);
  if (error.code() == EADDRNOTAVAIL) return invalid(what + ": this machine has no such address");
  if (error.code() == EACCES) return Error(what + ": permission denied");
  return std::move(error).in(what);
}

struct PortAttempt {
  std::vector<BoundPort> bound;
  std::optional<Error> error;
  IpAddress failed_ip;
};

PortAttempt bind_all(const std::vector<IpAddress>& ips, uint16_t port, Protocol protocol) {
  PortAttempt out;
  for (const IpAddress& ip : ips) {
    auto one = bind_one(ip, port, protocol);
    if (!one) {
      out.error = one.error();
      out.failed_ip = ip;
      return out;
    }
    port = one->port;
    out.bound.push_back(std::move(*one));
  }
  return out;
}

}  // namespace

Result<BoundPort> bind_host_port(const IpAddress& host_ip, PortRange range, Protocol protocol) {
  TRY_ASSIGN(std::vector<BoundPort> all, bind_host_ports({host_ip}, range, protocol));
  return std::move(all.front());
}

Result<std::vector<BoundPort>> bind_host_ports(const std::vector<IpAddress>& host_ips, PortRange range,
                                               Protocol protocol) {
  if (host_ips.empty()) return invalid("no address to bind a port on");
  if (range.last < range.first) return invalid("invalid port range");
  int tries = range.first == 0 && range.last == 0 ? kAnyPortTries : range.last - range.first + 1;
  IpAddress busy_ip = host_ips.front();
  for (int i = 0; i < tries; ++i) {
    auto port = static_cast<uint16_t>(range.first == 0 && range.last == 0 ? 0 : range.first + i);
    PortAttempt attempt = bind_all(host_ips, port, protocol);
    if (!attempt.error) return std::move(attempt.bound);
    busy_ip = attempt.failed_ip;
    if (attempt.error->code() != EADDRINUSE)
      return failed(std::move(*attempt.error), busy_ip, port, protocol);
  }
  return taken(busy_ip, range, protocol);
}

Result<BoundPort> adopt_host_port(Fd socket) {
  BoundPort out;
  int type = 0;
  int listening = 0;
  socklen_t size = sizeof(int);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      ::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0)
    return Error::last_errno("port's socket");
  SocketAddress address;
  if (::getsockname(socket.get(), address.raw(), &address.size) != 0)
    return Error::last_errno("port's socket");
  std::optional<IpPort> bound = ip_port_of(address);
  if (!bound || bound->port == 0 || (type == SOCK_STREAM) != (listening != 0) ||
      (type != SOCK_STREAM && type != SOCK_DGRAM))
    return invalid("not the socket of a port");
  TRY(set_nonblocking(socket.get(), true));
  out.socket = std::move(socket);
  out.host_ip = bound->ip;
  out.port = bound->port;
  out.protocol = type == SOCK_STREAM ? Protocol::Tcp : Protocol::Udp;
  return out;
}

}  // namespace stack::proxy
