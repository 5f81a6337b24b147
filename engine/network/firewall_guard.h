// Internal to engine/network: the firewall table, from the first network to the last, kept intact despite changes by
// other programs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/network/link_guard.h"
#include "net/firewall/ruleset_watch.h"

namespace stack::engine {

class FirewallGuard {
 public:
  FirewallGuard(NetworkState& state, LinkGuard& links) : state_(state), links_(links) {}

  // Creates the table and starts the watches, of interfaces too. Idempotent.
  Result<> open();
  // The table is removed with the last network, so that an engine without networks leaves nothing behind.
  void close();
  void open_foreign_chains();
  // Foreign chains that drop container packets and cannot be opened, one sentence each.
  const std::vector<std::string>& closed_chains() const { return closed_chains_; }

 private:
  Result<> watch();
  void repair(const net::RulesetChanges& changes);

  NetworkState& state_;
  LinkGuard& links_;
  std::shared_ptr<asio::posix::stream_descriptor> events_;  // closing it ends the coroutine of the watch
  std::vector<std::string> closed_chains_;
};

}  // namespace stack::engine
