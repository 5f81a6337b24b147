// The firewall of one engine: one nf_tables table (family inet) in the host's namespace.
//
// Which path serves a published port, so that NAT and the port proxy never meet:
//   - The proxy's socket is bound to the host port, which also reserves it against other programs.
//   - Destination NAT takes traffic to a local, non-loopback address: from outside, from containers (own
//     published port included) and from the host itself. It keeps the client's address, and the socket never
//     sees it. Exception: a container that calls a port of its own network through the host's address is
//     seen as coming from the bridge.
//   - 127.0.0.0/8 and ::1, and IPv6 to a container that has IPv4 only, are never NATed: they reach the
//   socket.
//
// What may pass between interfaces ("outside" = anything that is not a bridge of ours):
//   same bridge           yes, unless icc is off
//   bridge -> outside     yes, masqueraded; not for internal networks
//   anything -> bridge    answers, and connections that were destination-NATed; nothing else, so neither
//   another
//                         network's container nor a neighbour on the LAN reaches an unpublished port
// Networks and ports are elements of sets and maps: rules never grow, cost per packet and per change is
// constant.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/address.h"
#include "net/link/bridge.h"
#include "net/link/host.h"

namespace stack::net {

enum class Protocol : uint8_t { Tcp = 6, Udp = 17, Sctp = 132 };

struct PortForward {
  Protocol protocol = Protocol::Tcp;
  // None: every local address of container_ip's family. 0.0.0.0 and :: mean the same, each for its family.
  std::optional<IpAddress> host_ip;
  uint16_t host_port = 0;
  IpAddress container_ip;  // on the network that holds the container's default route
  uint16_t container_port = 0;

  auto operator<=>(const PortForward&) const = default;
};

// Whether destination NAT serves it at all: not for a loopback host_ip, nor for one of the other family.
bool served_by_nat(const PortForward& forward);

// The marks our chains put on forwarded packets, for rules in other people's chains (net/firewall/foreign_firewall.h).
inline constexpr uint32_t kAdmittedMark = 0x02000000;  // our forward chain let it pass
inline constexpr uint32_t kHairpinMark = 0x04000000;   // goes back into the bridge it came from, NATed

// Our forward chain comes before iptables' mangle and filter and everybody's "filter", so that they see the
// mark.
inline constexpr int kForwardPriority = -160;

struct FirewallState {
  std::vector<std::string> bridges;  // interface names, sorted
  std::vector<PortForward> ports;    // sorted
};

struct FirewallOptions {
  // Drop what the host would forward between two interfaces of which neither is ours nor any bridge (those
  // belong to other engines and virtual machines, with rules of their own): set it where the engine itself
  // turned ip_forward on, or the machine would become a router for its neighbours.
  bool drop_foreign_forwarding = false;
};

// Each change is one atomic transaction; the kernel holds the only state. Borrows the Host.
class Firewall {
 public:
  Firewall(Host& host, std::string table_name, FirewallOptions options = {})
      : host_(&host), table_(std::move(table_name)), options_(options) {}

  // Makes the table where it is missing; an existing one is left as it is.
  Result<> ensure();
  // Replaces whatever is there by exactly this, in one transaction: no packet sees a moment without rules.
  // This is how a restarted engine adopts.
  Result<> reset_to(std::span<const BridgeSpec> networks, std::span<const PortForward> ports);

  // Idempotent; a network that is there with other properties gets the new ones.
  Result<> add_network(const BridgeSpec& network);
  Result<> remove_network(const std::string& bridge_name);

  // Takes some ports back and publishes others in one transaction, so that a port which moves is never without a
  // target and never has the old one. All of `added` or none: the same forward twice is fine, a host port that leads
  // elsewhere is a Conflict that names it. Of `removed`, missing ones are skipped; the others are the
  // caller's own, since the kernel deletes a port by its number, wherever it leads.
  // UDP flows of both are forgotten, so that they take the new path.
  Result<> change(std::span<const PortForward> removed, std::span<const PortForward> added);
  Result<> publish(std::span<const PortForward> ports) { return change({}, ports); }
  Result<> unpublish(std::span<const PortForward> ports) { return change(ports, {}); }

  // nullopt: there is no table. Loopback forwards are not listed: NAT does not know their containers.
  Result<std::optional<FirewallState>> list();

  // Missing is success.
  Result<> remove_table();

 private:
  Host* host_;
  std::string table_;
  FirewallOptions options_;
};

// For sweeps: tables of family inet whose name begins so.
Result<std::vector<std::string>> list_tables(Host& host, std::string_view name_prefix);
Result<> remove_table(Host& host, const std::string& name);

}  // namespace stack::net
