// A small internet in private namespaces: a host with our bridges and firewall, a neighbor on its LAN, containers.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "net/firewall/firewall.h"
#include "net/link/bridge.h"
#include "net/link/endpoint.h"
#include "net/link/host.h"
#include "net/link/namespace.h"

namespace stack::net::lab {

// Fails the test with the error's text.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().text();
    std::abort();
  }
  return std::move(*result);
}
inline void must(Result<> result) { ASSERT_TRUE(result) << result.error().text(); }

// Runs a command inside a namespace and returns its output. If the command fails, the test fails, unless
// `exit_code` is given.
std::string run_in(const Fd& netns, const std::string& program, std::vector<std::string> args,
                   int* exit_code = nullptr);
// "ip" with arguments separated by single spaces.
std::string ip(const Fd& netns, const std::string& arguments);

struct Container {
  Fd netns;
  std::string host_name;
  IpAddress address;
};

// The host owns 192.168.50.1/24 and fd50::1/64 on `uplink`; the neighbor is .2 and routes all our subnets
// through it.
class Lab {
 public:
  static constexpr const char* kHostAddress = "192.168.50.1";
  static constexpr const char* kNeighborAddress = "192.168.50.2";

  explicit Lab(bool bridge_calls_firewall = true);

  Host& host() { return host_; }
  const Fd& host_netns() const { return host_netns_; }
  const Fd& neighbor() const { return neighbor_; }
  Firewall& firewall() { return firewall_; }

  // Number n has subnet 10.89.n.0/24 (and fd89:n::/64), gateway .1.
  BridgeSpec network(int number, bool ipv6 = false) const;
  // Creates the bridge and adds it to the firewall.
  BridgeSpec add_network(BridgeSpec spec);
  // A container with address .<last> on the network, and a default route through it unless the network is internal.
  Container add_container(const BridgeSpec& network, int last);

 private:
  Fd host_netns_;
  Fd neighbor_;
  Host host_;
  Firewall firewall_;
  int endpoints_ = 0;
};

// ---- sockets

struct Listener {
  Fd fd;
  uint16_t port = 0;
};
// Bound to all addresses (IPv6 sockets to IPv4 as well) or the given one.
Listener listen_tcp(const Fd& netns, uint16_t port = 0, const std::string& address = "0.0.0.0");
Listener listen_udp(const Fd& netns, uint16_t port = 0, const std::string& address = "0.0.0.0");

// Connects within 300 ms (nullopt: refused or lost) and lets the listener accept; returns the client address that
// it saw.
std::optional<std::string> tcp_peer(const Fd& from, const std::string& address, uint16_t port,
                                    const Listener& listener);
// Whether a connection succeeds.
bool tcp_connects(const Fd& from, const std::string& address, uint16_t port);
// Sends a datagram, lets the listener reply, and waits for the reply from the same address; returns the sender that
// the listener saw.
std::optional<std::string> udp_peer(const Fd& from, const std::string& address, uint16_t port,
                                    const Listener& listener);
// The same with a persistent client socket.
std::optional<std::string> udp_exchange(const Fd& client, const std::string& address, uint16_t port,
                                        const Listener& listener);
Fd udp_client(const Fd& netns);
void connect_udp(const Fd& client, const std::string& address, uint16_t port);

}  // namespace stack::net::lab
