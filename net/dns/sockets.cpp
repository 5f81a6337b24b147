#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "net/dns/server.h"
#include "net/link/namespace.h"

namespace stack::dns {

namespace {

constexpr uint32_t kServerAddress = 0x7F00000B;  // 127.0.0.11
// Buffers queries while no process answers. The kernel limits it to net.core.rmem_max.
constexpr int kReceiveBuffer = 1024 * 1024;
constexpr int kBacklog = 128;

Result<uint16_t> port_of(int fd, int wanted_type) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return Error::last_errno("DNS socket");
  sockaddr_in address{};
  size = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return Error::last_errno("DNS socket");
  if (type != wanted_type || address.sin_family != AF_INET) return invalid("not a DNS socket");
  return ntohs(address.sin_port);
}

// In a namespace without addresses, bind(2) treats 127.0.0.11 as a broadcast address, and the kernel then sends answers
// from 127.0.0.1.
Result<> ensure_loopback_up(int any_socket) {
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  if (::ioctl(any_socket, SIOCGIFFLAGS, &request) != 0) return Error::last_errno("state of lo");
  if ((request.ifr_flags & IFF_UP) != 0) return {};
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(any_socket, SIOCSIFFLAGS, &request) != 0) return Error::last_errno("bring lo up");
  return {};
}

Result<Fd> bound_socket(int type) {
  Fd fd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::last_errno("socket");
  TRY(ensure_loopback_up(fd.get()));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(kServerAddress);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    return Error::last_errno("bind 127.0.0.11");
  return fd;
}

Result<DnsSockets> open_here() {
  DnsSockets out;
  TRY_ASSIGN(out.udp, bound_socket(SOCK_DGRAM));
  (void)::setsockopt(out.udp.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof(kReceiveBuffer));
  TRY_ASSIGN(out.tcp, bound_socket(SOCK_STREAM));
  if (::listen(out.tcp.get(), kBacklog) != 0) return Error::last_errno("listen");
  return adopt_dns_sockets(std::move(out.udp), std::move(out.tcp));
}

}  // namespace

Result<DnsSockets> adopt_dns_sockets(Fd udp, Fd tcp) {
  DnsSockets out;
  TRY_ASSIGN(out.udp_port, port_of(udp.get(), SOCK_DGRAM));
  TRY_ASSIGN(out.tcp_port, port_of(tcp.get(), SOCK_STREAM));
  out.udp = std::move(udp);
  out.tcp = std::move(tcp);
  return out;
}

Result<DnsSockets> make_dns_sockets(int netns_fd) {
  return net::with_namespace(netns_fd, [] { return open_here(); }).in("DNS sockets");
}

}  // namespace stack::dns
