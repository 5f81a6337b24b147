#include "net/dns/server.h"

#include <sys/random.h>

#include <map>

#include "net/dns/client.h"

namespace stack::dns {

namespace {

uint64_t zone_seed() {
  uint64_t value = 0;
  (void)!::getrandom(&value, sizeof(value), 0);
  return value | 1;
}

}  // namespace

ServerCore::ServerCore(asio::io_context& io, const DnsServerOptions& o)
    : context(io),
      options(o),
      forwarder(io, {o.cache_entries, o.in_flight_limit, o.attempt_timeout, o.total_timeout}),
      random(zone_seed()) {}

struct DnsServer::State {
  State(asio::io_context& context, const DnsServerOptions& options) : core(context, options) {
    if (!options.upstreams.empty()) {
      use(options.upstreams);
      return;
    }
    watch.emplace(context, options.resolv_conf, options.systemd_resolv_conf,
                  [this](const std::vector<UpstreamAddress>& servers) { use(servers); });
    use(watch->current());
  }

  void use(const std::vector<UpstreamAddress>& servers) {
    host_addresses = servers;
    core.host_servers = core.forwarder.servers(servers);
  }

  ServerCore core;
  std::optional<ResolvConfWatch> watch;
  std::vector<UpstreamAddress> host_addresses;
  std::map<ContainerId, std::shared_ptr<Client>> clients;
};

DnsServer::DnsServer(asio::io_context& context, DnsServerOptions options)
    : state_(std::make_shared<State>(context, options)) {}

DnsServer::~DnsServer() {
  for (auto& [id, client] : state_->clients) client->close();
}

Zone& DnsServer::zone() { return state_->core.zone; }

Result<> DnsServer::add_client(const ContainerId& container, DnsSockets sockets, ClientSpec spec) {
  remove_client(container);
  auto client = std::make_shared<Client>(state_->core);
  TRY(client->open(std::move(sockets)));
  client->set(std::move(spec));
  client->start();
  state_->clients[container] = std::move(client);
  return {};
}

void DnsServer::update_client(const ContainerId& container, ClientSpec spec) {
  auto found = state_->clients.find(container);
  if (found != state_->clients.end()) found->second->set(std::move(spec));
}

void DnsServer::remove_client(const ContainerId& container) {
  auto found = state_->clients.find(container);
  if (found == state_->clients.end()) return;
  found->second->close();
  state_->clients.erase(found);
}

bool DnsServer::has_client(const ContainerId& container) const { return state_->clients.contains(container); }

std::vector<UpstreamAddress> DnsServer::upstreams() const { return state_->host_addresses; }

DnsStatistics DnsServer::statistics() const {
  DnsStatistics out = state_->core.statistics;
  out.merged = state_->core.forwarder.merged();
  out.forwarded = state_->core.forwarder.forwarded();
  return out;
}

}  // namespace stack::dns
