// Binds host ports, and finds the owner of a port that is in use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "model/address.h"
#include "model/protocol.h"

namespace stack::proxy {

// Inclusive; first == last is one port; {0, 0} is any port chosen by the kernel.
struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;
};

struct BoundPort {
  Fd socket;  // non-blocking; TCP: listening; IPv6 sockets accept only IPv6
  uint16_t port = 0;
  IpAddress host_ip;
  Protocol protocol = Protocol::Tcp;
};

// Binds (and for TCP, listens) on the first free port of the range, in the calling thread's network namespace. TCP reuses
// addresses in TIME_WAIT. Conflict if all ports are in use:
//   "port 8080/tcp on 0.0.0.0 is taken by pid 123 (nginx)", or "... is already in use" if the owner is unknown.
Result<BoundPort> bind_host_port(const IpAddress& host_ip, PortRange range, Protocol protocol);

// The same for several addresses (0.0.0.0 and ::) with one port: the first of the range that is free on all of them.
Result<std::vector<BoundPort>> bind_host_ports(const std::vector<IpAddress>& host_ips, PortRange range,
                                               Protocol protocol);

// Adopts a socket kept by another process: checks its type and reads address and port.
Result<BoundPort> adopt_host_port(Fd socket);

// "pid 123 (nginx)" for a process whose socket covers this address and port: listening for TCP, bound for UDP; a wildcard
// covers all addresses. Reads /proc/net and /proc/*/fd; nullopt if no visible process is found.
std::optional<std::string> port_owner(const IpAddress& host_ip, uint16_t port, Protocol protocol);

}  // namespace stack::proxy
