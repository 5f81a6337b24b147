#include "engine/network/ownerless_links.h"

#include <algorithm>
#include <set>

#include "base/log.h"

namespace stack::engine {

namespace {

// "v" and 12 hexadecimal digits: the host's end of a container's interface.
bool is_host_interface(const std::string& name) {
  return name.size() == 13 && name[0] == 'v' &&
         name.find_first_not_of("0123456789abcdef", 1) == std::string::npos;
}

}  // namespace

std::vector<std::string> ownerless_bridges(const NetworkState& state, const std::vector<net::Link>& links) {
  std::vector<std::string> out;
  net::Firewall table(*state.host, state.context.paths.firewall_table());
  auto present = table.list();
  if (!present || !*present) return out;
  for (const std::string& bridge : (*present)->bridges) {
    bool known = std::any_of(state.networks.begin(), state.networks.end(),
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

Result<> remove_ownerless_bridges(const NetworkState& state) {
  TRY_ASSIGN(std::vector<net::Link> links, net::list_links(*state.host));
  std::vector<std::string> doomed = ownerless_bridges(state, links);
  for (const std::string& name : doomed) log_info("removing leftover bridge " + name);
  return net::remove_links(*state.host, doomed);
}

std::vector<std::string> ownerless_interfaces(const NetworkState& state,
                                              const std::vector<net::Link>& links) {
  std::set<std::string> owned;
  for (const auto& [id, container] : state.context.containers)
    for (const Endpoint& endpoint : container->endpoints) owned.insert(host_interface(endpoint));
  std::set<uint32_t> bridges;
  for (const net::Link& link : links)
    if (std::any_of(state.networks.begin(), state.networks.end(),
                    [&](const auto& entry) { return entry.second->bridge == link.name; }))
      bridges.insert(link.index);
  std::vector<std::string> out;
  for (const net::Link& link : links)
    if (link.kind == "veth" && bridges.contains(link.master) && is_host_interface(link.name) &&
        !owned.contains(link.name))
      out.push_back(link.name);
  return out;
}

}  // namespace stack::engine
