// The embedded DNS server: one UDP and one TCP socket in each container's network namespace, all served by one
// process.
//
//   DnsServer server(context, options);
//   server.zone().set_network(network_id, {.name = "demo_back"});
//   server.zone().set_endpoint(network_id, endpoint_id, {.names = {"demo-web-1", "web"}, .addresses = {ip}});
//   auto sockets = make_dns_sockets(netns_fd);
//   net::install_dns_redirect(netns_fd, sockets->udp_port, sockets->tcp_port);
//   server.add_client(container, std::move(*sockets), {.view = {.networks = {network_id}}});
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
#include "model/container_id.h"
#include "net/dns/upstream_address.h"
#include "net/dns/zone.h"

namespace stack::dns {

struct DnsSockets {
  Fd udp;
  Fd tcp;  // listening
  uint16_t udp_port = 0;
  uint16_t tcp_port = 0;
};

// Creates both sockets on 127.0.0.11 with ports chosen by the kernel. The calling thread enters the namespace and leaves
// it on return. Brings up the namespace's `lo` if necessary.
Result<DnsSockets> make_dns_sockets(int netns_fd);

// The same from descriptors kept by another process: checks their type and reads their ports.
Result<DnsSockets> adopt_dns_sockets(Fd udp, Fd tcp);

struct ClientSpec {
  View view = {};
  // The container's own `dns:` servers, used instead of the host's and queried from the host's namespace.
  std::vector<UpstreamAddress> servers = {};
};

struct DnsServerOptions {
  // The host's file, watched for changes.
  std::string resolv_conf = "/etc/resolv.conf";
  // Read instead if resolv_conf lists only systemd-resolved's stub.
  std::string systemd_resolv_conf = "/run/systemd/resolve/resolv.conf";
  // Not empty: used instead of both files.
  std::vector<UpstreamAddress> upstreams = {};
  size_t cache_entries = 4096;
  size_t in_flight_limit = 4096;                   // forwarded queries of all clients
  size_t in_flight_per_client = 512;               // more queries get SERVFAIL
  std::chrono::milliseconds attempt_timeout{800};  // then the next server is also queried
  std::chrono::milliseconds total_timeout{4500};   // then SERVFAIL
};

struct DnsStatistics {
  uint64_t queries = 0;
  uint64_t local = 0;  // answered from the zone
  uint64_t cached = 0;
  uint64_t merged = 0;     // joined a query in flight
  uint64_t forwarded = 0;  // sent upstream
  uint64_t failed = 0;     // answered SERVFAIL
  uint64_t dropped = 0;    // not a query, or the answer could not be sent
};

// Runs on the context's thread; all calls from there.
class DnsServer {
 public:
  explicit DnsServer(asio::io_context& context, DnsServerOptions options = {});
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  // Changes take effect with the next query and lose no query.
  Zone& zone();

  // Starts serving a container, including queries already waiting in its sockets, which may have been kept by another
  // process. Replaces an earlier client with the same ID.
  Result<> add_client(const ContainerId& container, DnsSockets sockets, ClientSpec spec);
  // Updates the client after networks were connected or disconnected. Ignores unknown IDs.
  void update_client(const ContainerId& container, ClientSpec spec);
  // Closes our sockets (copies elsewhere stay open). Idempotent.
  void remove_client(const ContainerId& container);
  bool has_client(const ContainerId& container) const;

  // The default upstream servers, as last read.
  std::vector<UpstreamAddress> upstreams() const;
  DnsStatistics statistics() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stack::dns
