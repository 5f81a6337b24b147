// Taking a port of the host, and saying who has it where it is taken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "model/address.h"

namespace stack::proxy {

enum class Protocol : uint8_t { Tcp, Udp };

// Inclusive; first == last is one port, {0, 0} is any port the kernel gives.
struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;
};

struct BoundPort {
  Fd socket;  // non-blocking; TCP: listening; IPv6 sockets take IPv6 only
  uint16_t port = 0;
  IpAddress host_ip;
  Protocol protocol = Protocol::Tcp;
};

// Binds (and listens, for TCP) on the first free port of the range, in the calling thread's network
// namespace. TCP reuses addresses in TIME_WAIT. Error of kind Conflict where all are taken:
//   "port 8080/tcp on 0.0.0.0 is taken by pid 123 (nginx)", or "... is already in use" where the owner cannot
//   be told.
Result<BoundPort> bind_host_port(const IpAddress& host_ip, PortRange range, Protocol protocol);

// The same for several addresses at once (0.0.0.0 and ::), all on the same port: the first of the range that
// is free on all of them.
Result<std::vector<BoundPort>> bind_host_ports(const std::vector<IpAddress>& host_ips, PortRange range,
                                               Protocol protocol);

// A socket that another process kept: checks its kind and reads address and port.
Result<BoundPort> adopt_host_port(Fd socket);

// "pid 123 (nginx)" of a process whose socket covers this address and port: listening for TCP, bound for UDP;
// a wildcard covers all addresses. From /proc/net and /proc/*/fd; nullopt where none is found (or its owner
// hides).
std::optional<std::string> port_owner(const IpAddress& host_ip, uint16_t port, Protocol protocol);

}  // namespace stack::proxy
