// The userland path of published ports, for connections that NAT cannot forward (127.0.0.1, [::1], IPv6 to a container
// with only IPv4). One object serves all ports of the machine.
//
//   PortProxy proxy(context);   // also ignores SIGPIPE if it has the default action
//   auto port = bind_host_port(ip, {8080, 8080}, Protocol::Tcp);
//   proxy.add("container-id/8080/tcp", std::move(*port), {container_ip, 80});
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "model/address.h"
#include "net/proxy/host_port.h"

namespace stack::proxy {

struct Target {
  IpAddress ip;
  uint16_t port = 0;
  // Only this machine may connect, because the container is on a network that is not reachable from outside.
  bool local_only = false;

  bool operator==(const Target&) const = default;
};

struct PortProxyOptions {
  size_t connection_limit = 16384;  // TCP connections of all ports; others wait in the backlog
  size_t udp_client_limit = 4096;   // per port; the one idle longest is dropped
  std::chrono::seconds udp_idle{90};
  std::chrono::seconds dial_timeout{10};
  std::chrono::seconds half_closed_idle{300};  // one direction ended, the other is idle
};

struct PortProxyStatistics {
  size_t ports = 0;
  size_t tcp_connections = 0;
  size_t udp_clients = 0;
  uint64_t tcp_accepted = 0;
  uint64_t dial_failures = 0;
  uint64_t bytes = 0;
};

// Runs on the context's thread; all calls from there. Connects to targets from the network namespace of that thread.
class PortProxy {
 public:
  explicit PortProxy(asio::io_context& context, PortProxyOptions options = {});
  // Closes everything.
  ~PortProxy();
  PortProxy(const PortProxy&) = delete;
  PortProxy& operator=(const PortProxy&) = delete;

  // Serves the socket (new, or kept by another process) under the caller's name. Replaces an earlier port of that name.
  // Without a target, connections wait in the backlog and datagrams in the socket's buffer until one is set.
  Result<> add(const std::string& name, BoundPort port, std::optional<Target> target);
  // Applies to new connections; existing ones keep their target. UDP clients switch to the new target.
  void set_target(const std::string& name, std::optional<Target> target);
  // Closes the port and all its connections. Idempotent.
  void remove(const std::string& name);

  PortProxyStatistics statistics() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stack::proxy
