// What all ports of a proxy share. Private to this library.
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

  // A pipe is held only while bytes are on their way through it, so idle connections have none.
  Result<Pipe> take_pipe();
  void give_pipe(Pipe pipe);  // empty

  asio::io_context& context;
  PortProxyOptions options;
  PortProxyStatistics statistics;
  std::vector<Pipe> pipes;
  std::array<char, 65536> datagram;                     // one at a time, on the one thread
  std::vector<std::function<void()>> waiting_for_room;  // ports that met the connection limit
};

// Whether the client is this machine: it connected from the address it connected to, or over loopback.
bool is_local_client(const IpAddress& client, const IpAddress& local);

// A published port, whatever its protocol.
class Port {
 public:
  virtual ~Port() = default;
  virtual void set_target(std::optional<Target> target) = 0;
  virtual void close() = 0;
};

std::shared_ptr<Port> make_tcp_port(std::shared_ptr<Core> core, BoundPort bound, Result<>& opened);
std::shared_ptr<Port> make_udp_port(std::shared_ptr<Core> core, BoundPort bound, Result<>& opened);

}  // namespace stack::proxy
