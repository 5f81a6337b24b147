#include "engine/network/firewall_guard.h"

#include <fcntl.h>

#include "base/log.h"
#include "net/firewall/foreign_firewall.h"
#include "net/firewall/legacy_firewall.h"
#include "net/link/sysctl.h"

namespace stack::engine {

Result<> FirewallGuard::open() {
  TRY(state_.open_host());
  if (state_.firewall) return {};
  TRY_ASSIGN(bool was_off, net::enable_ipv4_forwarding(*state_.host));
  // Recorded, because a later engine of this boot finds forwarding already enabled.
  auto settings = state_.context.store.load_documents(Table::Settings);
  bool ours = was_off;
  if (settings)
    for (const auto& [key, value] : settings->good)
      if (key == "ip_forward_boot" && value == Json(state_.context.boot_id)) ours = true;
  if (was_off) {
    log_info("enabled net.ipv4.ip_forward; forwarding only our traffic");
    (void)state_.context.store.put(Table::Settings, "ip_forward_boot", state_.context.boot_id);
  }
  state_.firewall = std::make_unique<net::Firewall>(*state_.host, state_.context.paths.firewall_table(),
                                                    net::FirewallOptions{ours});
  Result<> ensured = state_.firewall->ensure();
  // The next attempt must not take the missing table for an existing one.
  if (!ensured) state_.firewall.reset();
  TRY(std::move(ensured));
  open_foreign_chains();
  Result<> watched = watch();
  if (!watched) log_warning("firewall: cannot watch changes by other programs: " + watched.error().text());
  watched = links_.watch();
  if (!watched) log_warning("networks: cannot watch changes by other programs: " + watched.error().text());
  return {};
}

namespace {

// Runs until `events` is canceled. The coroutine keeps the watch alive.
Task<> follow_ruleset(std::shared_ptr<net::RulesetWatch> watch,
                      std::shared_ptr<asio::posix::stream_descriptor> events,
                      std::function<void(const net::RulesetChanges&)> changed) {
  for (;;) {
    asio::error_code code;
    co_await events->async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return;
    // A reload causes a burst of changes.
    asio::steady_timer pause(events->get_executor(), std::chrono::milliseconds(50));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, code));
    if (!events->is_open()) co_return;
    Result<net::RulesetChanges> changes = watch->drain();
    if (changes) changed(*changes);
  }
}

}  // namespace

Result<> FirewallGuard::watch() {
  TRY_ASSIGN(net::RulesetWatch opened,
             net::RulesetWatch::open(*state_.host, state_.context.paths.firewall_table()));
  int copy = ::fcntl(opened.fd(), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return Error::last_errno("duplicate descriptor");
  events_ = std::make_shared<asio::posix::stream_descriptor>(state_.context.io, copy);
  std::function<void(const net::RulesetChanges&)> changed = [this](const net::RulesetChanges& changes) {
    repair(changes);
  };
  start(state_.context.io,
        follow_ruleset(std::make_shared<net::RulesetWatch>(std::move(opened)), events_, changed));
  return {};
}

// Repairs the table after another program flushed or rewrote the firewall ("systemctl reload nftables", Docker, firewalld).
void FirewallGuard::repair(const net::RulesetChanges& changes) {
  if (!state_.firewall) return;
  if (changes.own_table_changed) {
    log_warning("another program changed the engine's firewall table; creating it again");
    std::vector<net::BridgeSpec> specs;
    for (const auto& [id, network] : state_.networks)
      if (network->ready && network->is_bridge()) specs.push_back(network->bridge_spec());
    std::vector<net::PortForward> forwards;
    for (const auto& [id, present] : state_.containers)
      forwards.insert(forwards.end(), present.forwards.begin(), present.forwards.end());
    Result<> made = state_.firewall->reset_to(specs, forwards);
    if (!made) log_error("firewall: " + made.error().text());
  }
  if (changes.own_table_changed || changes.foreign_chains_changed) open_foreign_chains();
}

void FirewallGuard::open_foreign_chains() {
  auto chains = net::open_foreign_chains(*state_.host, state_.context.paths.firewall_table());
  if (!chains) {
    log_warning("foreign firewall rules: " + chains.error().text());
    return;
  }
  auto legacy = net::open_legacy_chains(*state_.host, state_.context.paths.firewall_table());
  if (legacy)
    chains->insert(chains->end(), legacy->begin(), legacy->end());
  else
    log_warning("iptables-legacy: " + legacy.error().text());
  closed_chains_.clear();
  for (const net::ForeignChain& chain : *chains) {
    if (chain.admitted || chain.problem.empty()) continue;
    closed_chains_.push_back("firewall chain " + chain.family + " " + chain.table + " " + chain.chain +
                             " drops forwarded packets (" + chain.obstacle +
                             ") and cannot be opened for containers: " + chain.problem);
    log_warning(closed_chains_.back());
  }
}

void FirewallGuard::close() {
  if (!state_.firewall) return;
  Result<> gone = net::close_foreign_chains(*state_.host, state_.context.paths.firewall_table());
  if (gone) gone = net::close_legacy_chains(*state_.host, state_.context.paths.firewall_table());
  if (gone) gone = state_.firewall->remove_table();
  if (!gone) log_warning("firewall: " + gone.error().text());
  if (events_) events_->close();
  events_.reset();
  links_.close();
  state_.firewall.reset();
}

}  // namespace stack::engine
