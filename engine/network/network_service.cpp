// NetworkService: creates and removes networks.
#include "engine/network/network_service.h"

#include <algorithm>

#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/container/container_run.h"
#include "engine/network/endpoint_choice.h"
#include "engine/network/host_files.h"
#include "engine/network/network_parts.h"
#include "engine/network/ownerless_links.h"
#include "model/predefined_network.h"
#include "net/firewall/foreign_firewall.h"
#include "net/firewall/legacy_firewall.h"
#include "net/link/link.h"

namespace stack::engine {

NetworkService::NetworkService(Context& context) : parts_(std::make_unique<Parts>(context)) {}
NetworkService::~NetworkService() = default;

Result<> NetworkService::load() {
  Store::Reader<NetworkPtr> read = [](const std::string& id, const Json& record) {
    return read_network(id, record);
  };
  TRY_ASSIGN(LoadedRecords<NetworkPtr> loaded, parts_->state.context.store.load(Table::Networks, read));
  for (NetworkPtr& network : loaded.good) parts_->state.networks[network->id] = std::move(network);
  for (Unreadable& record : loaded.unreadable) {
    log_error("network " + record.key + ": its record cannot be read (" + record.reason +
              "); leaving it unchanged");
    parts_->state.context.unreadable.push_back(std::move(record));
  }
  return {};
}

std::vector<NetworkPtr> NetworkService::list() const {
  std::vector<NetworkPtr> out;
  for (const auto& [id, network] : parts_->state.networks) out.push_back(network);
  return out;
}

NetworkPtr NetworkService::find(const std::string& name_or_id) const {
  if (auto exact = parts_->state.networks.find(name_or_id); exact != parts_->state.networks.end())
    return exact->second;
  for (const auto& [id, network] : parts_->state.networks)
    if (network->name() == name_or_id) return network;
  NetworkPtr found;
  if (name_or_id.size() < 4) return nullptr;
  for (auto it = parts_->state.networks.lower_bound(name_or_id);
       it != parts_->state.networks.end() && it->first.starts_with(name_or_id); ++it) {
    if (found) return nullptr;
    found = it->second;
  }
  return found;
}

Task<Result<NetworkPtr>> NetworkService::create(NetworkRequest request) {
  if (request.driver.empty() || request.driver == "default") request.driver = "bridge";
  Result<> named_well = check_network_name(request.name);
  CO_TRY(named_well);
  for (const auto& [id, other] : parts_->state.networks)
    if (other->name() == request.name)
      co_return conflict("network with name " + request.name + " already exists");
  if (request.name == "host" || request.name == "none")
    co_return conflict("network with name " + request.name + " already exists");
  auto network = std::make_shared<Network>();
  bool predefined = is_predefined_network(request.name);
  network->id =
      predefined ? predefined_network_id(request.name, parts_->state.context.paths.tag) : random_id();
  network->created_at = rfc3339(std::chrono::system_clock::now());
  network->request = std::move(request);
  Result<> possible = NetworkDevices::name(*network);
  CO_TRY(possible);
  Result<> made = parts_->state.open_host();
  if (made) made = choose_pools(parts_->state, *network);
  CO_TRY(made);
  parts_->state.networks[network->id] = network;
  made = parts_->state.context.store.put(Table::Networks, network->id, record_of(*network));
  if (made) made = parts_->devices.ensure_ready(*network);
  if (made && network->made_parent)
    made = parts_->state.context.store.put(Table::Networks, network->id, record_of(*network));
  if (!made) {
    Result<> undone = co_await remove(network->id);
    if (!undone) log_warning(undone.error().text());
    co_return std::move(made).error();
  }
  parts_->state.context.note_record(Table::Networks, network->id);
  parts_->state.context.events.publish("network", "create", network->id,
                                       {{"name", network->name()}, {"type", network->request.driver}});
  co_return network;
}

Task<Result<>> NetworkService::remove(std::string name_or_id) {
  NetworkPtr network = find(name_or_id);
  if (!network) co_return not_found("network " + name_or_id + " not found");
  if (network->removing) co_return conflict("network " + network->name() + " is already being removed");
  std::vector<std::string> users = parts_->state.users_of(*network);
  if (!users.empty())
    co_return conflict("error while removing network: network " + network->name() +
                       " has active endpoints (" + join(users, ", ") + ")");
  Result<> gone = parts_->state.open_host();
  CO_TRY(gone);
  // Prevents containers from joining while this waits.
  network->removing = true;
  gone = co_await remove_now(network);
  network->removing = false;
  CO_TRY(gone);
  parts_->state.context.events.publish("network", "destroy", network->id,
                                       {{"name", network->name()}, {"type", network->request.driver}});
  if (parts_->state.networks.empty()) parts_->firewall_guard.close();
  co_return Result<>();
}

Task<Result<>> NetworkService::remove_now(NetworkPtr network) {
  NetworkState& state = parts_->state;
  Result<> gone =
      state.firewall && network->is_bridge() ? state.firewall->remove_network(network->bridge) : Result<>();
  if (!gone) log_warning("network " + network->name() + ": " + gone.error().text());
  network->ready = false;
  gone = co_await parts_->removals.remove(NetworkDevices::owned_by(*network));
  if (!gone) co_return std::move(gone).error().in("network " + network->name());
  gone = state.context.store.remove(Table::Networks, network->id);
  CO_TRY(gone);
  state.context.note_record(Table::Networks, network->id);
  state.networks.erase(network->id);
  parts_->names.remove_network(network->id);
  co_return Result<>();
}

void NetworkService::leave() {
  const auto& containers = parts_->state.context.containers;
  if (parts_->state.networks.empty()) return;
  if (std::any_of(containers.begin(), containers.end(),
                  [](const auto& c) { return c.second->run != nullptr; }))
    return;
  std::vector<std::string> links;
  for (const auto& [id, network] : parts_->state.networks)
    for (const std::string& link : NetworkDevices::owned_by(*network)) links.push_back(link);
  const std::string table = parts_->state.context.paths.firewall_table();
  Result<> gone = parts_->state.open_host();
  if (gone) gone = net::close_foreign_chains(*parts_->state.host, table);
  if (gone) gone = net::close_legacy_chains(*parts_->state.host, table);
  if (gone) gone = net::remove_table(*parts_->state.host, table);
  if (gone) gone = net::remove_links(*parts_->state.host, links);
  if (!gone) log_warning("cleanup at exit: " + gone.error().text());
}

std::string NetworkService::hosts_file(const Container& container) const {
  const std::string& mode = container.spec.network_mode;
  if (mode.starts_with("container:"))
    if (ContainerPtr other = parts_->state.context.find_container(mode.substr(10))) return hosts_file(*other);
  if (mode == "host" && container.spec.extra_hosts.empty())
    if (Result<std::string> host = read_file("/etc/hosts")) return *host;
  std::string host_gateway = "127.0.0.1";
  const Endpoint* endpoint = port_endpoint(parts_->state, container, Family::V4);
  NetworkPtr network = endpoint == nullptr ? nullptr : parts_->state.by_id(endpoint->network_id);
  if (network && !network->pools.empty() && network->pools[0].gateway)
    host_gateway = network->pools[0].gateway->text();
  return fixed_hosts(container.spec.extra_hosts, host_gateway, has_ipv6()) +
         endpoint_hosts(addresses_of(container), own_host_names(container.spec, container.short_id()));
}

std::string NetworkService::resolv_conf(const Container& container) const {
  const std::string& mode = container.spec.network_mode;
  if (mode.starts_with("container:"))
    if (ContainerPtr other = parts_->state.context.find_container(mode.substr(10)))
      return resolv_conf(*other);
  Result<std::string> host = read_file("/etc/resolv.conf");
  return resolv_conf_text(parse_resolver_settings(host ? *host : ""), container.spec,
                          mode != "host" && mode != "none");
}

std::optional<std::string> NetworkService::port_holder(const std::optional<IpAddress>& host_ip, uint16_t port,
                                                       Protocol protocol) {
  return parts_->ports.holder_of(host_ip, port, protocol);
}

void NetworkService::open_foreign_chains() {
  if (parts_->state.firewall) parts_->firewall_guard.open_foreign_chains();
}

std::vector<std::string> NetworkService::faults() const {
  std::vector<std::string> out = parts_->firewall_guard.closed_chains();
  for (std::string& text : parts_->link_guard.diverted_subnets()) out.push_back(std::move(text));
  for (const auto& [id, network] : parts_->state.networks)
    if (!network->fault.empty()) out.push_back(network->fault);
  for (const auto& [id, present] : parts_->state.containers)
    for (const auto& [network, fault] : present.faults) out.push_back(fault);
  return out;
}

std::string NetworkService::fault_of(const std::string& network_id) const {
  NetworkPtr network = parts_->state.by_id(network_id);
  if (network && !network->fault.empty()) return network->fault;
  for (const auto& [id, present] : parts_->state.containers)
    if (auto found = present.faults.find(network_id); found != present.faults.end()) return found->second;
  return "";
}

Task<std::vector<std::string>> NetworkService::sweep(bool repair) {
  std::vector<std::string> found;
  NetworkState& state = parts_->state;
  if (!state.open_host()) co_return found;
  const std::string own_table = state.context.paths.firewall_table();
  Result<std::vector<net::Link>> links = net::list_links(*state.host);
  std::vector<std::string> doomed;
  // A build step has an interface but no record.
  // A container with a lost record may have unknown interfaces.
  bool certain = state.context.build_steps.empty() && state.context.unreadable.empty();
  if (links && certain) doomed = ownerless_interfaces(state, *links);
  if (links)
    for (const std::string& bridge : ownerless_bridges(state, *links)) doomed.push_back(bridge);
  for (const std::string& name : doomed) found.push_back("network interface " + name);
  Result<std::vector<std::string>> tables = net::list_tables(*state.host, own_table);
  bool table = tables && state.networks.empty() && !state.firewall &&
               std::find(tables->begin(), tables->end(), own_table) != tables->end();
  if (table) found.push_back("nf_tables table inet " + own_table);
  if (!repair) co_return found;
  auto work = [netns = state.host->netns(), doomed, table, own_table]() -> Result<> {
    TRY_ASSIGN(net::Host host, net::Host::open(netns));
    if (table) TRY(net::remove_table(host, own_table));
    return net::remove_links(host, doomed);
  };
  Result<> removed = co_await offload(state.context.pool, work);
  if (!removed) log_warning("leftovers: " + removed.error().text());
  co_return found;
}

}  // namespace stack::engine
