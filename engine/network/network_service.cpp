// NetworkService: creates and removes networks.
#include "engine/network/network_service.h"

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/container/container_run.h"
#include "engine/network/host_files.h"
#include "engine/network/network_state.h"
#include "model/predefined_network.h"
#include "net/firewall/foreign_firewall.h"
#include "net/firewall/legacy_firewall.h"
#include "net/link/link.h"
#include "net/link/route.h"
#include "net/link/sysctl.h"

namespace stack::engine {

NetworkService::NetworkService(Context& context) : state_(std::make_unique<State>(context)) {}
NetworkService::~NetworkService() = default;

Result<> NetworkService::load() {
  Store::Reader<NetworkPtr> read = [](const std::string& id, const Json& record) {
    return read_network(id, record);
  };
  TRY_ASSIGN(LoadedRecords<NetworkPtr> loaded, state_->context.store.load(Table::Networks, read));
  for (NetworkPtr& network : loaded.good) state_->networks[network->id] = std::move(network);
  for (Unreadable& record : loaded.unreadable) {
    log_error("network " + record.key + ": its record cannot be read (" + record.reason +
              "); leaving it unchanged");
    state_->context.unreadable.push_back(std::move(record));
  }
  return {};
}

NetworkPtr NetworkService::State::by_id(const std::string& id) const {
  auto found = networks.find(id);
  return found == networks.end() ? nullptr : found->second;
}

Result<> NetworkService::State::open_host() {
  if (host) return {};
  TRY_ASSIGN(net::Host opened, net::Host::open());
  host = std::make_unique<net::Host>(std::move(opened));
  return {};
}

// Sets up the bridge and its firewall entries, or the parent interface. Idempotent.
Result<> NetworkService::State::ensure_ready(Network& network) {
  if (network.ready) return {};
  if (network.is_bridge()) {
    TRY(make_bridge(network).in("network " + network.name()));
  } else {
    TRY(open_host());
    TRY_ASSIGN(bool made, net::ensure_parent(*host, network.parent, network.option("parent").empty()));
    network.made_parent = network.made_parent || made;
  }
  network.ready = true;
  return {};
}

Result<> NetworkService::State::make_bridge(const Network& network) {
  TRY(open_firewall());
  if (network.request.enable_ipv6) {
    TRY_ASSIGN(bool was_off, net::enable_ipv6_forwarding(*host));
    (void)was_off;
  }
  net::BridgeSpec spec = network.bridge_spec();
  TRY_ASSIGN(net::Link link, net::ensure_bridge(*host, spec));
  (void)link;
  return firewall->add_network(spec);
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

// The names of the attached containers.
std::vector<std::string> NetworkService::State::users_of(const Network& network) const {
  std::vector<std::string> users;
  for (const auto& [id, present] : containers) {
    if (!present.leases.contains(network.id)) continue;
    ContainerPtr container = context.find_container(id);
    users.push_back(container ? container->spec.name : "a build step");
  }
  return users;
}

// Ranges that a new subnet must not overlap: the machine's networks and name servers, and our networks.
Result<std::vector<Cidr>> NetworkService::State::subnets_in_use() {
  TRY_ASSIGN(std::vector<Cidr> used, net::host_subnets(*host));
  for (const auto& [id, network] : networks)
    for (const net::AddressPool& pool : network->pools) used.push_back(pool.subnet);
  Result<std::string> resolver = read_file("/etc/resolv.conf");
  for (const std::string& server : parse_resolver_settings(resolver ? *resolver : "").servers)
    if (Result<IpAddress> address = parse_ip(server))
      used.push_back({*address, static_cast<uint8_t>(address->bits())});
  return used;
}

namespace {

// Chooses from the default ranges, for twice the number of containers, because replaced containers overlap with new ones.
Result<Cidr> choose_ipv4(const NetworkRequest& request, const std::vector<Cidr>& pools,
                         const std::vector<Cidr>& used) {
  const uint8_t prefix = net::prefix_for(2 * request.expected_containers);
  std::vector<net::SubnetRange> ranges;
  for (const Cidr& pool : pools) {
    const uint8_t length = std::max(prefix, pool.prefix);
    ranges.push_back({pool.first(), Cidr{pool.last(), length}.first(), length});
  }
  if (ranges.empty()) ranges = net::default_subnet_ranges(prefix);
  return net::choose_subnet(ranges, used);
}

}  // namespace

Result<> NetworkService::State::choose_pools(Network& network) {
  NetworkRequest& request = network.request;
  TRY_ASSIGN(std::vector<Cidr> used, subnets_in_use());
  bool has_v4 = false;
  bool has_v6 = false;
  for (NetworkRequest::Pool wanted : request.pools) {
    if (wanted.subnet.empty()) {
      TRY_ASSIGN(Cidr chosen, choose_ipv4(request, context.settings.address_pools, used));
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
    TRY_ASSIGN(Cidr chosen, choose_ipv4(request, context.settings.address_pools, used));
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

namespace {

// The interfaces of the host that the network has or needs, by its driver and options.
Result<> name_interfaces(Network& network) {
  const std::string& driver = network.request.driver;
  const std::string short_id = network.id.substr(0, 12);
  if (driver == "macvlan" || driver == "ipvlan") {
    TRY(network.child_kind().in("network " + network.name()));
    network.parent = network.option("parent");
    // Like Docker: a network without a parent uses a dummy interface.
    if (network.parent.empty()) network.parent = "dm-" + short_id;
    return net::check_interface_name(network.parent);
  }
  if (driver != "bridge")
    return unsupported("network " + network.name() + ": driver \"" + driver +
                       "\" is not supported; use bridge, macvlan, or ipvlan");
  network.bridge = network.option("com.docker.network.bridge.name");
  if (network.bridge.empty()) network.bridge = "br-" + short_id;
  for (Family family : {Family::V4, Family::V6}) TRY(network.outside(family).in("network " + network.name()));
  for (const std::string& trusted : network.bridge_spec().trusted_interfaces)
    TRY(net::check_interface_name(trusted).in("trusted_host_interfaces"));
  return net::check_interface_name(network.bridge);
}

}  // namespace

Task<Result<NetworkPtr>> NetworkService::create(NetworkRequest request) {
  if (request.driver.empty() || request.driver == "default") request.driver = "bridge";
  Result<> named_well = check_network_name(request.name);
  CO_TRY(named_well);
  for (const auto& [id, other] : state_->networks)
    if (other->name() == request.name)
      co_return conflict("network with name " + request.name + " already exists");
  if (request.name == "host" || request.name == "none")
    co_return conflict("network with name " + request.name + " already exists");
  auto network = std::make_shared<Network>();
  bool predefined = is_predefined_network(request.name);
  network->id = predefined ? predefined_network_id(request.name, state_->context.paths.tag) : random_id();
  network->created_at = rfc3339(std::chrono::system_clock::now());
  network->request = std::move(request);
  Result<> possible = name_interfaces(*network);
  CO_TRY(possible);
  Result<> made = state_->open_host();
  if (made) made = state_->choose_pools(*network);
  CO_TRY(made);
  state_->networks[network->id] = network;
  made = state_->context.store.put(Table::Networks, network->id, record_of(*network));
  if (made) made = state_->ensure_ready(*network);
  if (made && network->made_parent)
    made = state_->context.store.put(Table::Networks, network->id, record_of(*network));
  if (!made) {
    Result<> undone = co_await remove(network->id);
    if (!undone) log_warning(undone.error().text());
    co_return std::move(made).error();
  }
  state_->context.events.publish("network", "create", network->id,
                                 {{"name", network->name()}, {"type", network->request.driver}});
  co_return network;
}

Task<Result<>> NetworkService::remove(std::string name_or_id) {
  NetworkPtr network = find(name_or_id);
  if (!network) co_return not_found("network " + name_or_id + " not found");
  if (network->removing) co_return conflict("network " + network->name() + " is already being removed");
  std::vector<std::string> users = state_->users_of(*network);
  if (!users.empty())
    co_return conflict("error while removing network: network " + network->name() +
                       " has active endpoints (" + join(users, ", ") + ")");
  Result<> gone = state_->open_host();
  CO_TRY(gone);
  // Prevents containers from joining while this waits.
  network->removing = true;
  gone = co_await state_->remove_network(network);
  network->removing = false;
  CO_TRY(gone);
  state_->context.events.publish("network", "destroy", network->id,
                                 {{"name", network->name()}, {"type", network->request.driver}});
  if (state_->networks.empty()) state_->close_firewall();
  co_return Result<>();
}

namespace {

// The interfaces that are removed with the network.
std::vector<std::string> own_links(const Network& network) {
  if (network.is_bridge()) return {network.bridge};
  return network.made_parent ? std::vector<std::string>{network.parent} : std::vector<std::string>{};
}

}  // namespace

// Not on the engine's thread, because of the time under the kernel's lock.
Task<> NetworkService::State::run_link_removals() {
  while (next_removal) {
    std::shared_ptr<LinkRemoval> removal = std::exchange(next_removal, nullptr);
    auto work = [netns = host->netns(), links = removal->links]() -> Result<> {
      TRY_ASSIGN(net::Host own_host, net::Host::open(netns));
      return net::remove_links(own_host, links);
    };
    Result<> outcome = co_await offload(context.pool, work);
    removal->outcome = std::move(outcome);
    removal->ended.notify_all();
  }
  removing_links = false;
}

Task<Result<>> NetworkService::State::remove_links_together(std::vector<std::string> links) {
  if (links.empty()) co_return Result<>();
  if (!next_removal) next_removal = std::make_shared<LinkRemoval>(context.io);
  std::shared_ptr<LinkRemoval> removal = next_removal;
  removal->links.insert(removal->links.end(), links.begin(), links.end());
  if (!std::exchange(removing_links, true)) start(context.io, run_link_removals());
  while (!removal->outcome) co_await removal->ended.wait();
  co_return *removal->outcome;
}

Task<Result<>> NetworkService::State::remove_network(NetworkPtr network) {
  Result<> gone = firewall && network->is_bridge() ? firewall->remove_network(network->bridge) : Result<>();
  if (!gone) log_warning("network " + network->name() + ": " + gone.error().text());
  network->ready = false;
  gone = co_await remove_links_together(own_links(*network));
  if (!gone) co_return std::move(gone).error().in("network " + network->name());
  gone = context.store.remove(Table::Networks, network->id);
  CO_TRY(gone);
  networks.erase(network->id);
  if (dns) dns->zone().remove_network(network->id);
  co_return Result<>();
}

void NetworkService::leave() {
  const auto& containers = state_->context.containers;
  if (state_->networks.empty()) return;
  if (std::any_of(containers.begin(), containers.end(),
                  [](const auto& c) { return c.second->run != nullptr; }))
    return;
  std::vector<std::string> links;
  for (const auto& [id, network] : state_->networks)
    for (const std::string& link : own_links(*network)) links.push_back(link);
  const std::string table = state_->context.paths.firewall_table();
  Result<> gone = state_->open_host();
  if (gone) gone = net::close_foreign_chains(*state_->host, table);
  if (gone) gone = net::close_legacy_chains(*state_->host, table);
  if (gone) gone = net::remove_table(*state_->host, table);
  if (gone) gone = net::remove_links(*state_->host, links);
  if (!gone) log_warning("cleanup at exit: " + gone.error().text());
}

}  // namespace stack::engine
