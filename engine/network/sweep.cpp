// NetworkService: finds kernel objects of this engine without an owner.
#include <algorithm>
#include <set>

#include "base/log.h"
#include "engine/network/network_state.h"
#include "net/link/link.h"

namespace stack::engine {

namespace {

// "v" and 12 hexadecimal digits: the host's end of a container's interface.
bool is_host_interface(const std::string& name) {
  return name.size() == 13 && name[0] == 'v' &&
         name.find_first_not_of("0123456789abcdef", 1) == std::string::npos;
}

}  // namespace

// Bridges in our firewall table without a record. A bridge with ports is in use, regardless of the records.
std::vector<std::string> NetworkService::State::ownerless_bridges(const std::vector<net::Link>& links) {
  std::vector<std::string> out;
  net::Firewall table(*host, context.paths.firewall_table());
  auto present = table.list();
  if (!present || !*present) return out;
  for (const std::string& bridge : (*present)->bridges) {
    bool known = std::any_of(networks.begin(), networks.end(),
                             [&](const auto& entry) { return entry.second->bridge == bridge; });
    auto link =
        std::find_if(links.begin(), links.end(), [&](const net::Link& l) { return l.name == bridge; });
    if (known || link == links.end() || link->kind != "bridge") continue;
    bool used = std::any_of(links.begin(), links.end(),
                            [&](const net::Link& port) { return port.master == link->index; });
    if (used)
      log_warning("bridge " + bridge + " is in use, but no network record refers to it; keeping it");
    else
      out.push_back(bridge);
  }
  return out;
}

// Must precede the setup of the table, which drops its entries.
Result<> NetworkService::State::remove_ownerless_bridges() {
  TRY_ASSIGN(std::vector<net::Link> links, net::list_links(*host));
  std::vector<std::string> doomed = ownerless_bridges(links);
  for (const std::string& name : doomed) log_info("removing leftover bridge " + name);
  return net::remove_links(*host, doomed);
}

// Interfaces on our bridges that do not belong to a container.
std::vector<std::string> NetworkService::State::ownerless_interfaces(const std::vector<net::Link>& links) {
  std::set<std::string> owned;
  for (const auto& [id, container] : context.containers)
    for (const Endpoint& endpoint : container->endpoints) owned.insert(host_interface(endpoint));
  std::set<uint32_t> bridges;
  for (const net::Link& link : links)
    if (std::any_of(networks.begin(), networks.end(),
                    [&](const auto& entry) { return entry.second->bridge == link.name; }))
      bridges.insert(link.index);
  std::vector<std::string> out;
  for (const net::Link& link : links)
    if (link.kind == "veth" && bridges.contains(link.master) && is_host_interface(link.name) &&
        !owned.contains(link.name))
      out.push_back(link.name);
  return out;
}

Task<std::vector<std::string>> NetworkService::sweep(bool repair) {
  std::vector<std::string> found;
  State& state = *state_;
  if (!state.open_host()) co_return found;
  const std::string own_table = state.context.paths.firewall_table();
  Result<std::vector<net::Link>> links = net::list_links(*state.host);
  std::vector<std::string> doomed;
  // A build step has an interface but no record.
  // A container with a lost record may have unknown interfaces.
  bool certain = state.context.build_steps.empty() && state.context.unreadable.empty();
  if (links && certain) doomed = state.ownerless_interfaces(*links);
  if (links)
    for (const std::string& bridge : state.ownerless_bridges(*links)) doomed.push_back(bridge);
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
