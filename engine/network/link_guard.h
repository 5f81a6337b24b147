// Internal to engine/network: keeps bridges and container interfaces intact despite changes by other programs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/network/interfaces.h"
#include "net/link/link_watch.h"

namespace stack::engine {

class LinkGuard {
 public:
  LinkGuard(NetworkState& state, Interfaces& interfaces) : state_(state), interfaces_(interfaces) {}

  // Requires the host.
  Result<> watch();
  void close();
  void repair(const net::LinkChanges& changes);
  // Routes that came later (a VPN) and lead packets for containers elsewhere, one sentence each.
  std::vector<std::string> diverted_subnets() const;

 private:
  void repair_forwarding();
  Task<> repair_again();
  void repair_bridge(Network& network);
  void repair_endpoint(Container& container, Endpoint& endpoint);

  NetworkState& state_;
  Interfaces& interfaces_;
  std::shared_ptr<asio::posix::stream_descriptor> events_;  // closing it ends the coroutine of the watch
  bool repair_planned_ = false;
};

}  // namespace stack::engine
