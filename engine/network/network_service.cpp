// NetworkService: the networks themselves, and what a restarted engine takes over.
#include "engine/network/network_service.h"

#include <fcntl.h>

#include <algorithm>

#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"
#include "engine/container/container_run.h"
#include "engine/network/network_state.h"
#include "model/predefined_network.h"
#include "net/firewall/foreign_firewall.h"
#include "net/link/link.h"
#include "net/link/route.h"
#include "net/link/sysctl.h"

namespace stack::engine {

net::BridgeSpec Network::bridge_spec() const {
  net::BridgeSpec spec;
  spec.name = bridge;
  spec.id = id;
  for (const net::AddressPool& pool : pools) spec.subnets.push_back({pool.subnet, pool.gateway});
  spec.internal = request.internal;
  auto option = [&](const char* key) -> std::string {
    auto found = request.options.find(key);
    return found == request.options.end() ? "" : found->second;
  };
  std::string mtu = option("com.docker.network.driver.mtu");
  if (!mtu.empty() && mtu.size() < 6 && mtu.find_first_not_of("0123456789") == std::string::npos)
    spec.mtu = static_cast<uint32_t>(std::stoul(mtu));
  spec.icc = option("com.docker.network.bridge.enable_icc") != "false";
  spec.masquerade = option("com.docker.network.bridge.enable_ip_masquerade") != "false";
  return spec;
}

namespace {

Json record_of(const Network& network) {
  const NetworkRequest& r = network.request;
  Json pools = Json::array();
  for (const net::AddressPool& pool : network.pools) {
    Json auxiliary = Json::object();
    for (const auto& [name, address] : pool.auxiliary) auxiliary[name] = address.text();
    pools.push_back({{"subnet", pool.subnet.text()},
                     {"ip_range", pool.ip_range ? pool.ip_range->text() : ""},
                     {"gateway", pool.gateway ? pool.gateway->text() : ""},
                     {"auxiliary", auxiliary}});
  }
  return {{"name", r.name},
          {"driver", r.driver},
          {"options", r.options},
          {"labels", r.labels},
          {"internal", r.internal},
          {"attachable", r.attachable},
          {"enable_ipv4", r.enable_ipv4},
          {"enable_ipv6", r.enable_ipv6},
          {"created_at", network.created_at},
          {"bridge", network.bridge},
          {"pools", pools}};
}

std::map<std::string, std::string> string_map(const Json& object, const char* key) {
  std::map<std::string, std::string> out;
  if (auto found = object.find(key); found != object.end() && found->is_object())
    for (const auto& [name, value] : found->items())
      if (value.is_string()) out[name] = value.get<std::string>();
  return out;
}

Result<net::AddressPool> make_pool(const NetworkRequest::Pool& wanted) {
  net::AddressPool pool;
  TRY_ASSIGN(Cidr subnet, parse_cidr(wanted.subnet));
  pool.subnet = subnet.network();
  if (!wanted.ip_range.empty()) {
    TRY_ASSIGN(Cidr range, parse_cidr(wanted.ip_range));
    pool.ip_range = range.network();
  }
  if (!wanted.gateway.empty()) {
    TRY_ASSIGN(pool.gateway, parse_ip(wanted.gateway));
  } else {
    TRY_ASSIGN(pool.gateway, net::default_gateway(pool.subnet, pool.ip_range));
  }
  for (const auto& [name, address] : wanted.auxiliary) {
    TRY_ASSIGN(pool.auxiliary[name], parse_ip(address));
  }
  TRY(net::validate(pool));
  return pool;
}

Result<NetworkPtr> read_record(const std::string& id, const Json& record) {
  auto network = std::make_shared<Network>();
  network->id = id;
  network->created_at = string_or(record, "created_at");
  network->bridge = string_or(record, "bridge");
  NetworkRequest& r = network->request;
  r.name = string_or(record, "name");
  r.driver = string_or(record, "driver");
  r.options = string_map(record, "options");
  r.labels = string_map(record, "labels");
  r.internal = bool_or(record, "internal");
  r.attachable = bool_or(record, "attachable");
  r.enable_ipv4 = bool_or(record, "enable_ipv4", true);
  r.enable_ipv6 = bool_or(record, "enable_ipv6");
  for (const Json& pool : record.value("pools", Json::array())) {
    NetworkRequest::Pool wanted{string_or(pool, "subnet"), string_or(pool, "ip_range"),
                                string_or(pool, "gateway"), string_map(pool, "auxiliary")};
    TRY_ASSIGN(net::AddressPool made, make_pool(wanted));
    network->pools.push_back(std::move(made));
  }
  return network;
}

}  // namespace

NetworkService::NetworkService(Context& context) : state_(std::make_unique<State>(context)) {}
NetworkService::~NetworkService() = default;

Result<> NetworkService::load() {
  Store::Reader<NetworkPtr> read = [](const std::string& id, const Json& record) {
    return read_record(id, record);
  };
  TRY_ASSIGN(LoadedRecords<NetworkPtr> loaded, state_->context.store.load(Table::Networks, read));
  for (NetworkPtr& network : loaded.good) state_->networks[network->id] = std::move(network);
  for (Unreadable& record : loaded.unreadable) {
    log_error("network " + record.key + ": its record cannot be read (" + record.reason +
              "); it is left as it is");
    state_->context.unreadable.push_back(std::move(record));
  }
  return {};
}

Result<> NetworkService::State::open_host() {
  if (host) return {};
  TRY_ASSIGN(net::Host opened, net::Host::open());
  host = std::make_unique<net::Host>(std::move(opened));
  return {};
}

Result<> NetworkService::State::open_firewall() {
  TRY(open_host());
  if (firewall) return {};
  TRY_ASSIGN(bool was_off, net::enable_ipv4_forwarding(*host));
  // Remembered: a later engine finds forwarding on, but it was us who turned it on.
  auto settings = context.store.load_documents(Table::Settings);
  bool ours = was_off;
  if (settings)
    for (const auto& [key, value] : settings->good)
      if (key == "ip_forward_boot" && value == Json(context.boot_id)) ours = true;
  if (was_off) {
    log_info("turned net.ipv4.ip_forward on; what is not ours is not forwarded");
    (void)context.store.put(Table::Settings, "ip_forward_boot", context.boot_id);
  }
  firewall =
      std::make_unique<net::Firewall>(*host, context.paths.firewall_table(), net::FirewallOptions{ours});
  TRY(firewall->ensure());
  open_foreign_chains();
  Result<> watched = watch_ruleset();
  if (!watched) log_warning("firewall: changes by others are not noticed: " + watched.error().text());
  return {};
}

namespace {

// Until `events` is cancelled. The watch lives as long as this coroutine.
Task<> follow_ruleset(std::shared_ptr<net::RulesetWatch> watch,
                      std::shared_ptr<asio::posix::stream_descriptor> events,
                      std::function<void(const net::RulesetChanges&)> changed) {
  for (;;) {
    asio::error_code code;
    co_await events->async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return;
    // A reload comes as a burst of changes.
    asio::steady_timer pause(events->get_executor(), std::chrono::milliseconds(50));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, code));
    if (!events->is_open()) co_return;
    Result<net::RulesetChanges> changes = watch->drain();
    if (changes) changed(*changes);
  }
}

}  // namespace

Result<> NetworkService::State::watch_ruleset() {
  TRY_ASSIGN(net::RulesetWatch watch, net::RulesetWatch::open(*host, context.paths.firewall_table()));
  int copy = ::fcntl(watch.fd(), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return Error::last_errno("duplicate descriptor");
  ruleset_events = std::make_shared<asio::posix::stream_descriptor>(context.io, copy);
  std::function<void(const net::RulesetChanges&)> changed = [this](const net::RulesetChanges& changes) {
    repair_ruleset(changes);
  };
  start(context.io,
        follow_ruleset(std::make_shared<net::RulesetWatch>(std::move(watch)), ruleset_events, changed));
  return {};
}

// Somebody flushed or rewrote the machine's firewall ("systemctl reload nftables", Docker, firewalld).
void NetworkService::State::repair_ruleset(const net::RulesetChanges& changes) {
  if (!firewall) return;
  if (changes.own_table_removed) {
    log_warning("the firewall table of this engine was removed by another program; making it again");
    std::vector<net::BridgeSpec> specs;
    for (const auto& [id, network] : networks)
      if (network->ready) specs.push_back(network->bridge_spec());
    std::vector<net::PortForward> forwards;
    for (const auto& [id, container] : context.containers) {
      if (!container->run) continue;
      std::vector<net::PortForward> own = forwards_of(*container);
      forwards.insert(forwards.end(), own.begin(), own.end());
    }
    Result<> made = firewall->reset_to(specs, forwards);
    if (!made) log_error("firewall: " + made.error().text());
  }
  if (changes.own_table_removed || changes.foreign_chains_changed) open_foreign_chains();
}

void NetworkService::State::open_foreign_chains() {
  auto chains = net::open_foreign_chains(*host, context.paths.firewall_table());
  if (!chains) {
    log_warning("foreign firewall rules: " + chains.error().text());
    return;
  }
  for (const net::ForeignChain& chain : *chains)
    if (!chain.admitted && !chain.problem.empty())
      log_warning("firewall chain " + chain.family + " " + chain.table + " " + chain.chain +
                  " drops forwarded packets (" + chain.obstacle +
                  ") and cannot be opened for containers: " + chain.problem);
}

// The bridge and its firewall entries; repeated calls cost nothing.
Result<> NetworkService::State::ensure_ready(Network& network) {
  if (network.ready || network.request.driver != "bridge") return {};
  TRY(open_firewall());
  if (network.request.enable_ipv6) {
    TRY_ASSIGN(bool was_off, net::enable_ipv6_forwarding(*host));
    (void)was_off;
  }
  net::BridgeSpec spec = network.bridge_spec();
  Result<net::Link> link = net::ensure_bridge(*host, spec);
  if (!link) return std::move(link).error().in("network " + network.name());
  TRY(firewall->add_network(spec).in("network " + network.name()));
  network.ready = true;
  return {};
}

std::vector<NetworkPtr> NetworkService::list() const {
  std::vector<NetworkPtr> out;
  for (const auto& [id, network] : state_->networks) out.push_back(network);
  return out;
}

NetworkPtr NetworkService::find(const std::string& name_or_id) const {
  if (auto exact = state_->networks.find(name_or_id); exact != state_->networks.end()) return exact->second;
  for (const auto& [id, network] : state_->networks)
    if (network->name() == name_or_id) return network;
  NetworkPtr found;
  if (name_or_id.size() < 4) return nullptr;
  for (auto it = state_->networks.lower_bound(name_or_id);
       it != state_->networks.end() && it->first.starts_with(name_or_id); ++it) {
    if (found) return nullptr;
    found = it->second;
  }
  return found;
}

// Everything that a new subnet must not overlap.
Result<std::vector<Cidr>> NetworkService::State::subnets_in_use() {
  TRY_ASSIGN(std::vector<Cidr> used, net::host_subnets(*host));
  for (const auto& [id, network] : networks)
    for (const net::AddressPool& pool : network->pools) used.push_back(pool.subnet);
  return used;
}

Result<> NetworkService::State::choose_pools(Network& network) {
  NetworkRequest& request = network.request;
  TRY_ASSIGN(std::vector<Cidr> used, subnets_in_use());
  bool has_v4 = false;
  bool has_v6 = false;
  for (NetworkRequest::Pool wanted : request.pools) {
    if (wanted.subnet.empty()) {
      std::vector<net::SubnetRange> ranges = net::default_subnet_ranges();
      TRY_ASSIGN(Cidr chosen, net::choose_subnet(ranges, used));
      wanted.subnet = chosen.text();
    }
    TRY_ASSIGN(net::AddressPool pool, make_pool(wanted));
    for (const auto& [id, other] : networks)
      for (const net::AddressPool& theirs : other->pools)
        if (theirs.subnet.overlaps(pool.subnet))
          return conflict("subnet " + pool.subnet.text() + " overlaps with " + theirs.subnet.text() +
                          " of network " + other->name());
    (pool.subnet.family() == Family::V4 ? has_v4 : has_v6) = true;
    used.push_back(pool.subnet);
    network.pools.push_back(std::move(pool));
  }
  if (!has_v4 && request.enable_ipv4) {
    std::vector<net::SubnetRange> ranges = net::default_subnet_ranges();
    TRY_ASSIGN(Cidr chosen, net::choose_subnet(ranges, used));
    TRY_ASSIGN(net::AddressPool pool, make_pool({chosen.text(), "", "", {}}));
    network.pools.insert(network.pools.begin(), std::move(pool));
  }
  if (!has_v6 && request.enable_ipv6) {
    TRY_ASSIGN(Cidr chosen, net::choose_ula_subnet(network.id, used));
    TRY_ASSIGN(net::AddressPool pool, make_pool({chosen.text(), "", "", {}}));
    network.pools.push_back(std::move(pool));
  }
  return {};
}

Task<Result<NetworkPtr>> NetworkService::create(NetworkRequest request) {
  if (request.driver.empty() || request.driver == "default") request.driver = "bridge";
  if (request.name.empty()) co_return invalid("network name must not be empty");
  for (const auto& [id, other] : state_->networks)
    if (other->name() == request.name)
      co_return conflict("network with name " + request.name + " already exists");
  if (request.name == "host" || request.name == "none")
    co_return conflict("network with name " + request.name + " already exists");
  if (request.driver != "bridge")
    co_return unsupported("network " + request.name + ": driver \"" + request.driver +
                          "\" is not supported; bridge is");
  auto network = std::make_shared<Network>();
  bool predefined = is_predefined_network(request.name);
  network->id = predefined ? predefined_network_id(request.name, state_->context.paths.tag) : random_id();
  network->created_at = rfc3339(std::chrono::system_clock::now());
  network->request = std::move(request);
  network->bridge = "br-" + network->id.substr(0, 12);
  if (auto named = network->request.options.find("com.docker.network.bridge.name");
      named != network->request.options.end() && !named->second.empty()) {
    Result<> good = net::check_interface_name(named->second);
    CO_TRY(good);
    network->bridge = named->second;
  }
  Result<> made = state_->open_host();
  if (made) made = state_->choose_pools(*network);
  CO_TRY(made);
  state_->networks[network->id] = network;
  made = state_->context.store.put(Table::Networks, network->id, record_of(*network));
  if (made) made = state_->ensure_ready(*network);
  if (!made) {
    Result<> undone = co_await remove(network->id);
    if (!undone) log_warning(undone.error().text());
    co_return std::move(made).error();
  }
  state_->context.events.publish("network", "create", network->id,
                                 {{"name", network->name()}, {"type", "bridge"}});
  co_return network;
}

Task<Result<>> NetworkService::remove(std::string name_or_id) {
  NetworkPtr network = find(name_or_id);
  if (!network) co_return not_found("network " + name_or_id + " not found");
  std::string users;
  for (const auto& [id, container] : state_->context.containers)
    for (const Endpoint& endpoint : container->endpoints)
      if (endpoint.network_id == network->id && endpoint.attached && container->run)
        users += (users.empty() ? "" : ", ") + container->spec.name;
  if (!users.empty())
    co_return conflict("error while removing network: network " + network->name() +
                       " has active endpoints (" + users + ")");
  Result<> gone = state_->open_firewall();
  CO_TRY(gone);
  Result<> rules = state_->firewall->remove_network(network->bridge);
  if (!rules) log_warning("network " + network->name() + ": " + rules.error().text());
  network->ready = false;
  // Some 30 ms under the kernel's lock: not on the engine's thread.
  auto work = [netns = state_->host->netns(), bridge = network->bridge]() -> Result<> {
    TRY_ASSIGN(net::Host host, net::Host::open(netns));
    return net::remove_bridge(host, bridge);
  };
  gone = co_await offload(state_->context.pool, work);
  if (!gone) co_return std::move(gone).error().in("network " + network->name());
  gone = state_->context.store.remove(Table::Networks, network->id);
  CO_TRY(gone);
  state_->networks.erase(network->id);
  if (state_->dns) state_->dns->zone().remove_network(network->id);
  state_->context.events.publish("network", "destroy", network->id,
                                 {{"name", network->name()}, {"type", "bridge"}});
  if (state_->networks.empty()) state_->close_firewall();
  co_return Result<>();
}

void NetworkService::leave() {
  const auto& containers = state_->context.containers;
  if (state_->networks.empty()) return;
  if (std::any_of(containers.begin(), containers.end(),
                  [](const auto& c) { return c.second->run != nullptr; }))
    return;
  std::vector<std::string> bridges;
  for (const auto& [id, network] : state_->networks)
    if (!network->bridge.empty()) bridges.push_back(network->bridge);
  const std::string table = state_->context.paths.firewall_table();
  Result<> gone = state_->open_host();
  if (gone) gone = net::close_foreign_chains(*state_->host, table);
  if (gone) gone = net::remove_table(*state_->host, table);
  if (gone) gone = net::remove_links(*state_->host, bridges);
  if (!gone) log_warning("on leaving: " + gone.error().text());
}

// With the last network the table goes as well: an engine without networks leaves no trace.
void NetworkService::State::close_firewall() {
  if (!firewall) return;
  Result<> gone = net::close_foreign_chains(*host, context.paths.firewall_table());
  if (gone) gone = firewall->remove_table();
  if (!gone) log_warning("firewall: " + gone.error().text());
  if (ruleset_events) ruleset_events->close();
  ruleset_events.reset();
  firewall.reset();
}

std::optional<std::string> NetworkService::port_holder(const std::string& host_ip, uint16_t port,
                                                       const std::string& protocol) {
  for (const auto& [id, container] : state_->context.containers) {
    if (!container->run) continue;
    for (const PublishedPort& held : container->published)
      if (held.host_port == port && held.protocol == protocol &&
          (held.host_ip.empty() || host_ip.empty() || held.host_ip == host_ip))
        return "container " + container->spec.name;
  }
  return state_->foreign_holder(host_ip, port, protocol);
}

Task<std::vector<std::string>> NetworkService::sweep(bool repair) {
  std::vector<std::string> found;
  if (!state_->open_host()) co_return found;
  Result<std::vector<std::string>> tables =
      net::list_tables(*state_->host, state_->context.paths.firewall_table());
  bool used = std::any_of(state_->networks.begin(), state_->networks.end(),
                          [](const auto& n) { return n.second->ready; });
  if (tables && !used && !state_->firewall) {
    for (const std::string& table : *tables) {
      if (table != state_->context.paths.firewall_table()) continue;
      found.push_back("nf_tables table inet " + table);
      if (repair) (void)net::remove_table(*state_->host, table);
    }
  }
  co_return found;
}

}  // namespace stack::engine
