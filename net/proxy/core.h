// State shared by all ports of a proxy. Private to this library.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "net/proxy/port_proxy.h"

namespace stack::proxy {

struct Core {
  Core(asio::io_context& io, PortProxyOptions o) : context(io), options(o) {}

  // A connection holds a pipe only while bytes are in it, so idle connections have none.
  Result<Pipe> take_pipe();
  void give_pipe(Pipe pipe);  // empty

  asio::io_context& context;
  PortProxyOptions options;
  PortProxyStatistics statistics;
  std::vector<Pipe> pipes;
  std::array<char, 65536> datagram;                     // buffer for one datagram at a time
  std::vector<std::function<void()>> waiting_for_room;  // ports that reached the connection limit
};

// Whether the client is on this machine: both addresses are equal, or it connected over loopback.
bool is_local_client(const IpAddress& client, const IpAddress& local);

// A published port of any protocol.
class Port {
 public:
  virtual ~Port() = default;
  virtual void set_target(std::optional<Target> target) = 0;
  virtual void close() = 0;
};

std::shared_ptr<Port> make_tcp_port(std::shared_ptr<Core> core, BoundPort bound, Result<>& opened);
std::shared_ptr<Port> make_udp_port(std::shared_ptr<Core> core, BoundPort bound, Result<>& opened);

}  // namespace stack::proxy
