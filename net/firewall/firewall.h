// The firewall of one engine: one nf_tables table (family inet) in the host's namespace.
//
// clang-format off
// The paths of a published port, which keep NAT and the port proxy separate:
//   - The proxy's socket is bound to the host port, which also reserves the port.
//   - Destination NAT handles traffic to a local, non-loopback address: from outside, from containers (including
//     their own published ports), and from the host. It keeps the client's address, and the socket never sees the
//     traffic. Exception: a container that connects to a port of its own network through the host's address
//     appears with the bridge's address.
//   - 127.0.0.0/8, ::1, and IPv6 to a container with only IPv4 are never NATed: they reach the socket.
//
// Traffic between interfaces ("outside" = anything that is not one of our bridges):
//   same bridge           accepted, unless icc is off
//   bridge -> outside     accepted and masqueraded; dropped for internal networks
//   anything -> bridge    only answers and destination-NATed connections are accepted, so that neither containers
//                         of other networks nor machines on the LAN reach an unpublished port; in addition, what the
//                         gateway mode of the network admits (GatewayMode in net/link/bridge.h)
// clang-format on
//
// Networks and ports are elements of sets and maps, so the number of rules and the cost per packet and per change are
// constant.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/address.h"
#include "model/protocol.h"
#include "net/link/bridge.h"
#include "net/link/host.h"

namespace stack::net {

// A published port, or, with host_port 0, a port of a container that can be reached at the container's own address by those
// whom its network admits: everybody in routed mode, otherwise the trusted interfaces.
struct PortForward {
  Protocol protocol = Protocol::Tcp;
  // None: every local address of container_ip's family. 0.0.0.0 and :: have the same meaning for their family.
  std::optional<IpAddress> host_ip;
  uint16_t host_port = 0;
  IpAddress container_ip;  // on the network of the container's default route
  uint16_t container_port = 0;

  auto operator<=>(const PortForward&) const = default;
};

// Whether destination NAT can serve it: not for a loopback host_ip, one of another family, or a port without a host port.
bool served_by_nat(const PortForward& forward);

// The marks that our chains set on forwarded packets, for rules in foreign chains (net/firewall/foreign_firewall.h).
inline constexpr uint32_t kAdmittedMark = 0x02000000;  // accepted by our forward chain
inline constexpr uint32_t kHairpinMark = 0x04000000;   // returns to the bridge it came from, NATed

// Our forward chain precedes iptables' mangle and filter and all "filter" chains, so that they see the mark.
inline constexpr int kForwardPriority = -160;

struct FirewallState {
  std::vector<std::string> bridges;  // interface names, sorted
  std::vector<PortForward> ports;    // sorted
};

struct FirewallOptions {
  // Drops traffic forwarded between two foreign interfaces that are not bridges (foreign bridges belong to other engines
  // and virtual machines, with their own rules). Set if the engine itself enabled ip_forward, which would otherwise make
  // the machine a router for its neighbors.
  bool drop_foreign_forwarding = false;
};

// Each change is one atomic transaction; the kernel holds the only state. Borrows the Host.
class Firewall {
 public:
  Firewall(Host& host, std::string table_name, FirewallOptions options = {})
      : host_(&host), table_(std::move(table_name)), options_(options) {}

  // Creates the table if it is missing; does not change an existing one.
  Result<> ensure();
  // Replaces the table with exactly this state in one transaction, so that no packet passes without rules. A restarted
  // engine uses this for adoption.
  Result<> reset_to(std::span<const BridgeSpec> networks, std::span<const PortForward> ports);

  // Idempotent; updates the properties of an existing network.
  Result<> add_network(const BridgeSpec& network);
  Result<> remove_network(const std::string& bridge_name);

  // Removes and publishes ports in one transaction, so that a moved port always has exactly one target. Adds all of
  // `added` or none: repeating a forward is allowed; a host port forwarded elsewhere is a Conflict that names it. Skips
  // missing ports in `removed`; the caller must own the others, because the kernel deletes a port by number, regardless of
  // its target. Deletes the UDP flows of both, so that they take the new path.
  Result<> change(std::span<const PortForward> removed, std::span<const PortForward> added);
  Result<> publish(std::span<const PortForward> ports) { return change({}, ports); }
  Result<> unpublish(std::span<const PortForward> ports) { return change(ports, {}); }

  // nullopt if there is no table. Does not list loopback forwards, whose containers NAT does not know.
  Result<std::optional<FirewallState>> list();

  // Idempotent.
  Result<> remove_table();

 private:
  Host* host_;
  std::string table_;
  FirewallOptions options_;
};

// For sweeps: tables of family inet with this name prefix.
Result<std::vector<std::string>> list_tables(Host& host, std::string_view name_prefix);
Result<> remove_table(Host& host, const std::string& name);

}  // namespace stack::net
