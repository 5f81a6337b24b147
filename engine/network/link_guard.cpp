// NetworkService: keeps bridges and container interfaces intact despite changes by other programs.
#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "engine/network/network_state.h"
#include "net/link/link_watch.h"
#include "net/link/route.h"
#include "net/link/sysctl.h"

namespace stack::engine {

namespace {

constexpr std::chrono::milliseconds kBurst{100};  // one change causes several notifications
constexpr std::chrono::seconds kNextAttempt{3};   // after a failed repair

// Runs until `events` is closed. The coroutine keeps the watch alive.
Task<> follow_links(std::shared_ptr<net::LinkWatch> watch,
                    std::shared_ptr<asio::posix::stream_descriptor> events,
                    std::function<void(const net::LinkChanges&)> changed) {
  for (;;) {
    asio::error_code code;
    co_await events->async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return;
    asio::steady_timer pause(events->get_executor(), kBurst);
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, code));
    if (!events->is_open()) co_return;
    Result<net::LinkChanges> changes = watch->drain();
    if (changes && changes->any()) changed(*changes);
  }
}

}  // namespace

Result<> NetworkService::State::watch_links() {
  TRY_ASSIGN(net::LinkWatch watch, net::LinkWatch::open(*host));
  int copy = ::fcntl(watch.fd(), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return Error::last_errno("duplicate descriptor");
  link_events = std::make_shared<asio::posix::stream_descriptor>(context.io, copy);
  std::function<void(const net::LinkChanges&)> changed = [this](const net::LinkChanges& changes) {
    repair_links(changes);
  };
  start(context.io, follow_links(std::make_shared<net::LinkWatch>(std::move(watch)), link_events, changed));
  return {};
}

void NetworkService::State::repair_links(const net::LinkChanges& changes) {
  if (!firewall) return;
  if (changes.forwarding_changed || changes.lost) {
    Result<bool> was_off = net::enable_ipv4_forwarding(*host);
    if (was_off && *was_off) log_warning("another program disabled net.ipv4.ip_forward; enabled it again");
    bool ipv6 = std::any_of(networks.begin(), networks.end(), [](const auto& entry) {
      return entry.second->ready && entry.second->is_bridge() && entry.second->request.enable_ipv6;
    });
    if (ipv6) was_off = net::enable_ipv6_forwarding(*host);
    if (ipv6 && was_off && *was_off)
      log_warning("another program disabled net.ipv6.conf.all.forwarding; enabled it again");
  }
  bool failed = false;
  for (const auto& [id, network] : networks) {
    bool looked_at = changes.lost || changes.addresses_removed || changes.routes_removed ||
                     changes.degraded.contains(network->bridge) ||
                     !network->fault.empty();
    if (network->is_bridge() && network->ready && !network->removing && looked_at) repair_bridge(*network);
    failed = failed || !network->fault.empty();
  }
  for (auto& [id, present] : containers) {
    ContainerPtr container = context.find_container(id);
    if (!container) continue;
    for (Endpoint& endpoint : container->endpoints) {
      bool looked_at = changes.lost || changes.degraded.contains(host_interface(endpoint)) ||
                       present.faults.contains(endpoint.network_id);
      if (endpoint.attached && looked_at) repair_endpoint(*container, endpoint);
    }
    failed = failed || !present.faults.empty();
  }
  if (failed && !repair_planned) start(context.io, repair_again());
}

Task<> NetworkService::State::repair_again() {
  repair_planned = true;
  co_await sleep_for(context.io, kNextAttempt);
  repair_planned = false;
  repair_links({});
}

// A recreated bridge has lost its ports.
void NetworkService::State::repair_bridge(Network& network) {
  net::BridgeSpec spec = network.bridge_spec();
  Result<std::string> problem = net::bridge_problem(*host, spec);
  if (problem && problem->empty()) {
    network.fault.clear();
    return;
  }
  bool known = !network.fault.empty();
  std::string what = "network " + network.name() + ": " + (problem ? *problem : problem.error().text());
  Result<net::Link> made = net::ensure_bridge(*host, spec);
  network.fault = made ? "" : what + "; cannot repair it: " + made.error().text();
  if (made)
    log_warning(what + "; repaired");
  else if (!known)
    log_error(network.fault);
  if (!made) return;
  for (const auto& [id, present] : containers) {
    ContainerPtr container = context.find_container(id);
    if (!container) continue;
    for (Endpoint& endpoint : container->endpoints)
      if (endpoint.attached && endpoint.network_id == network.id) repair_endpoint(*container, endpoint);
  }
}

void NetworkService::State::repair_endpoint(Container& container, Endpoint& endpoint) {
  NetworkPtr network = by_id(endpoint.network_id);
  auto present = containers.find(container.id);
  if (!network || !network->is_bridge() || present == containers.end() || netns_of(container) < 0) return;
  bool known = present->second.faults.contains(endpoint.network_id);
  Result<std::string> problem = net::endpoint_problem(*host, host_interface(endpoint), network->bridge);
  if (problem && problem->empty()) {
    present->second.faults.erase(endpoint.network_id);
    return;
  }
  std::string what = "container " + container.spec.name + " on network " + network->name() + ": " +
                     (problem ? *problem : problem.error().text());
  Result<> repaired = net::reattach(*host, host_side_of(endpoint, *network));
  if (!repaired && repaired.error().kind() == ErrorKind::NotFound)
    repaired = plug(container, endpoint, gateways_of(container), endpoint.interface_name);
  if (repaired) {
    log_warning(what + "; repaired");
    present->second.faults.erase(endpoint.network_id);
    return;
  }
  std::string fault = what + "; cannot repair it: " + repaired.error().text();
  if (!known) log_error(fault);
  present->second.faults[endpoint.network_id] = fault;
}

// Routes that came later (a VPN) and lead packets for containers elsewhere.
std::vector<std::string> NetworkService::State::diverted_subnets() const {
  std::vector<std::string> out;
  if (!host || !firewall) return out;
  auto routes = net::host_routes(*host);
  auto links = net::list_links(*host);
  if (!routes || !links) return out;
  std::map<uint32_t, std::string> names;
  for (const net::Link& link : *links) names[link.index] = link.name;
  for (const auto& [id, network] : networks) {
    if (!network->is_bridge() || !network->ready) continue;
    for (const net::AddressPool& pool : network->pools)
      for (const net::HostRoute& route : *routes)
        if (names[route.interface] != network->bridge && route.destination.prefix >= pool.subnet.prefix &&
            route.destination.overlaps(pool.subnet))
          out.push_back("network " + network->name() + ": a route of the machine leads " +
                        route.destination.text() + " to " + names[route.interface] + " instead of " +
                        network->bridge + "; remove the route, or recreate the network with another subnet");
  }
  return out;
}

void NetworkService::open_foreign_chains() {
  if (state_->firewall) state_->open_foreign_chains();
}

std::vector<std::string> NetworkService::faults() const {
  std::vector<std::string> out = state_->closed_chains;
  for (std::string& text : state_->diverted_subnets()) out.push_back(std::move(text));
  for (const auto& [id, network] : state_->networks)
    if (!network->fault.empty()) out.push_back(network->fault);
  for (const auto& [id, present] : state_->containers)
    for (const auto& [network, fault] : present.faults) out.push_back(fault);
  return out;
}

std::string NetworkService::fault_of(const std::string& network_id) const {
  NetworkPtr network = state_->by_id(network_id);
  if (network && !network->fault.empty()) return network->fault;
  for (const auto& [id, present] : state_->containers)
    if (auto found = present.faults.find(network_id); found != present.faults.end()) return found->second;
  return "";
}

}  // namespace stack::engine
