// The embedded DNS server: one UDP and one TCP socket in each container's network namespace, all served by one
// process.
//
//   DnsServer server(context, options);
//   server.zone().set_network(network_id, {.name = "demo_back"});
//   server.zone().set_endpoint(network_id, endpoint_id, {.names = {"demo-web-1", "web"}, .addresses = {ip}});
//   auto sockets = make_dns_sockets(netns_fd);
//   net::install_dns_redirect(netns_fd, sockets->udp_port, sockets->tcp_port);
//   server.add_client(container_id, std::move(*sockets), {.view = {.networks = {network_id}}});
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "model/address.h"
#include "net/dns/upstream_address.h"
#include "net/dns/zone.h"

namespace stack::dns {

struct DnsSockets {
  Fd udp;
  Fd tcp;  // listening
  uint16_t udp_port = 0;
  uint16_t tcp_port = 0;
};

// Both on 127.0.0.11, ports of the kernel's choice, made inside that namespace by the calling thread, which
// is back in its own on return. Brings the namespace's `lo` up where it is not.
Result<DnsSockets> make_dns_sockets(int netns_fd);

// The same from descriptors that another process kept: checks what they are and reads their ports.
Result<DnsSockets> adopt_dns_sockets(Fd udp, Fd tcp);

struct ClientSpec {
  View view = {};
  // The container's own `dns:` servers, in place of the host's. They are asked from the host's namespace.
  std::vector<UpstreamAddress> servers = {};
};

struct DnsServerOptions {
  // The host's file, followed while it changes.
  std::string resolv_conf = "/etc/resolv.conf";
  // Read instead where the former names only systemd-resolved's stub.
  std::string systemd_resolv_conf = "/run/systemd/resolve/resolv.conf";
  // Not empty: used instead of both files. For tests.
  std::vector<UpstreamAddress> upstreams = {};
  size_t cache_entries = 4096;
  size_t in_flight_limit = 4096;                   // forwarded questions of all clients together
  size_t in_flight_per_client = 512;               // more get SERVFAIL
  std::chrono::milliseconds attempt_timeout{800};  // then the next server is asked too
  std::chrono::milliseconds total_timeout{4500};   // then SERVFAIL
};

struct DnsStatistics {
  uint64_t queries = 0;
  uint64_t local = 0;  // answered from the zone
  uint64_t cached = 0;
  uint64_t merged = 0;     // joined a question in flight
  uint64_t forwarded = 0;  // asked upstream
  uint64_t failed = 0;     // answered SERVFAIL
  uint64_t dropped = 0;    // not a query, or the client could not be sent to
};

// Runs on the context's thread; all calls from there.
class DnsServer {
 public:
  explicit DnsServer(asio::io_context& context, DnsServerOptions options = {});
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  // Changes take effect with the next query; no query is lost by any of them.
  Zone& zone();

  // Serves a container from now on, what waits in its sockets included. Sockets kept by another process while
  // this one was away are as good as new ones. Replaces an earlier client of the same id.
  Result<> add_client(const std::string& container_id, DnsSockets sockets, ClientSpec spec);
  // Networks connected or disconnected while it runs. Unknown ids are ignored.
  void update_client(const std::string& container_id, ClientSpec spec);
  // Closes our sockets (copies held elsewhere stay open); missing is fine.
  void remove_client(const std::string& container_id);
  bool has_client(const std::string& container_id) const;

  // The servers questions are forwarded to by default, as last read.
  std::vector<UpstreamAddress> upstreams() const;
  DnsStatistics statistics() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stack::dns
