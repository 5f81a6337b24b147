// The userland path of published ports: connections that NAT cannot take to the container (127.0.0.1, [::1],
// IPv6 to a container that has IPv4 only). One object serves all ports of the machine.
//
//   PortProxy proxy(context);   // also ignores SIGPIPE where that is still at its default
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
  // Only this machine may connect: the container is on a network that nothing from outside may reach.
  bool local_only = false;

  bool operator==(const Target&) const = default;
};

struct PortProxyOptions {
  size_t connection_limit = 16384;  // TCP connections of all ports; further ones wait in the backlog
  size_t udp_client_limit = 4096;   // per port; the one idle longest makes room
  std::chrono::seconds udp_idle{90};
  std::chrono::seconds dial_timeout{10};
  std::chrono::seconds half_closed_idle{300};  // one direction ended, the other silent
};

struct PortProxyStatistics {
  size_t ports = 0;
  size_t tcp_connections = 0;
  size_t udp_clients = 0;
  uint64_t tcp_accepted = 0;
  uint64_t dial_failures = 0;
  uint64_t bytes = 0;
};

// Runs on the context's thread; all calls from there. Targets are dialled from the network namespace of that
// thread.
class PortProxy {
 public:
  explicit PortProxy(asio::io_context& context, PortProxyOptions options = {});
  // Closes everything.
  ~PortProxy();
  PortProxy(const PortProxy&) = delete;
  PortProxy& operator=(const PortProxy&) = delete;

  // Serves the socket (fresh, or kept by another process while this one was away) under a name of the
  // caller's. Replaces an earlier one of that name. No target: connections wait in the backlog, datagrams in
  // the socket's buffer, until one is set.
  Result<> add(const std::string& name, BoundPort port, std::optional<Target> target);
  // For connections to come; the present ones stay where they are. UDP clients go over to the new target.
  void set_target(const std::string& name, std::optional<Target> target);
  // Closes the port and all its connections; missing is fine.
  void remove(const std::string& name);

  PortProxyStatistics statistics() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stack::proxy
