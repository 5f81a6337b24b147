#include "engine/network/link_guard.h"

#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "engine/network/endpoint_choice.h"
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

Result<> LinkGuard::watch() {
  TRY_ASSIGN(net::LinkWatch opened, net::LinkWatch::open(*state_.host));
  int copy = ::fcntl(opened.fd(), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return Error::last_errno("duplicate descriptor");
  events_ = std::make_shared<asio::posix::stream_descriptor>(state_.context.io, copy);
  std::function<void(const net::LinkChanges&)> changed = [this](const net::LinkChanges& changes) {
    repair(changes);
  };
  start(state_.context.io,
        follow_links(std::make_shared<net::LinkWatch>(std::move(opened)), events_, changed));
  return {};
}

void LinkGuard::close() {
  if (events_) events_->close();
  events_.reset();
}

void LinkGuard::repair_forwarding() {
  Result<bool> was_off = net::enable_ipv4_forwarding(*state_.host);
  if (was_off && *was_off) log_warning("another program disabled net.ipv4.ip_forward; enabled it again");
  bool ipv6 = std::any_of(state_.networks.begin(), state_.networks.end(), [](const auto& entry) {
    return entry.second->ready && entry.second->is_bridge() && entry.second->request.enable_ipv6;
  });
  if (ipv6) was_off = net::enable_ipv6_forwarding(*state_.host);
  if (ipv6 && was_off && *was_off)
    log_warning("another program disabled net.ipv6.conf.all.forwarding; enabled it again");
}

void LinkGuard::repair(const net::LinkChanges& changes) {
  if (!state_.firewall) return;
  if (changes.forwarding_changed || changes.lost) repair_forwarding();
  bool failed = false;
  for (const auto& [id, network] : state_.networks) {
    bool looked_at = changes.lost || changes.addresses_removed || changes.routes_removed ||
                     changes.degraded.contains(network->bridge) || !network->fault.empty();
    if (network->is_bridge() && network->ready && !network->removing && looked_at) repair_bridge(*network);
    failed = failed || !network->fault.empty();
  }
  for (auto& [id, present] : state_.containers) {
    ContainerPtr container = state_.context.find_container(id);
    if (!container) continue;
    for (Endpoint& endpoint : container->endpoints) {
      bool looked_at = changes.lost || changes.degraded.contains(host_interface(endpoint)) ||
                       present.faults.contains(endpoint.network_id);
      if (endpoint.attached && looked_at) repair_endpoint(*container, endpoint);
    }
    failed = failed || !present.faults.empty();
  }
  if (failed && !repair_planned_) start(state_.context.io, repair_again());
}

Task<> LinkGuard::repair_again() {
  repair_planned_ = true;
  co_await sleep_for(state_.context.io, kNextAttempt);
  repair_planned_ = false;
  repair({});
}

// A recreated bridge has lost its ports.
void LinkGuard::repair_bridge(Network& network) {
  net::BridgeSpec spec = network.bridge_spec();
  Result<std::string> problem = net::bridge_problem(*state_.host, spec);
  if (problem && problem->empty()) {
    network.fault.clear();
    return;
  }
  bool known = !network.fault.empty();
  std::string what = "network " + network.name() + ": " + (problem ? *problem : problem.error().text());
  Result<net::Link> made = net::ensure_bridge(*state_.host, spec);
  network.fault = made ? "" : what + "; cannot repair it: " + made.error().text();
  if (made)
    log_warning(what + "; repaired");
  else if (!known)
    log_error(network.fault);
  if (!made) return;
  for (const auto& [id, present] : state_.containers) {
    ContainerPtr container = state_.context.find_container(id);
    if (!container) continue;
    for (Endpoint& endpoint : container->endpoints)
      if (endpoint.attached && endpoint.network_id == network.id) repair_endpoint(*container, endpoint);
  }
}

void LinkGuard::repair_endpoint(Container& container, Endpoint& endpoint) {
  NetworkPtr network = state_.by_id(endpoint.network_id);
  auto present = state_.containers.find(container.id);
  if (!network || !network->is_bridge() || present == state_.containers.end() ||
      state_.netns_of(container) < 0)
    return;
  bool known = present->second.faults.contains(endpoint.network_id);
  Result<std::string> problem =
      net::endpoint_problem(*state_.host, host_interface(endpoint), network->bridge);
  if (problem && problem->empty()) {
    present->second.faults.erase(endpoint.network_id);
    return;
  }
  std::string what = "container " + container.spec.name + " on network " + network->name() + ": " +
                     (problem ? *problem : problem.error().text());
  Result<> repaired = net::reattach(*state_.host, Interfaces::host_side_of(endpoint, *network));
  if (!repaired && repaired.error().kind() == ErrorKind::NotFound)
    repaired = interfaces_.plug(container, endpoint, gateways_of(state_, container), endpoint.interface_name);
  if (repaired) {
    log_warning(what + "; repaired");
    present->second.faults.erase(endpoint.network_id);
    return;
  }
  std::string fault = what + "; cannot repair it: " + repaired.error().text();
  if (!known) log_error(fault);
  present->second.faults[endpoint.network_id] = fault;
}

std::vector<std::string> LinkGuard::diverted_subnets() const {
  std::vector<std::string> out;
  if (!state_.host || !state_.firewall) return out;
  auto routes = net::host_routes(*state_.host);
  auto links = net::list_links(*state_.host);
  if (!routes || !links) return out;
  std::map<uint32_t, std::string> names;
  for (const net::Link& link : *links) names[link.index] = link.name;
  for (const auto& [id, network] : state_.networks) {
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

}  // namespace stack::engine
