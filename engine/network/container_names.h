// Internal to engine/network: the names of containers in DNS and in hosts files.
#pragma once

#include <memory>
#include <string>

#include "engine/network/network_state.h"
#include "net/dns/server.h"

namespace stack::engine {

class ContainerNames {
 public:
  explicit ContainerNames(NetworkState& state) : state_(state) {}

  // Starts serving DNS in the container's namespace. Its monitor holds the sockets while no engine runs.
  Result<> start(Container& container);
  // Continues with the sockets of a former engine; replaces lost ones.
  Result<> adopt(Container& container);
  bool serves(const Container& container) const;
  void stop(const Container& container);

  // Sets the names of the container's endpoints. Those of a stopped container stay in the zone without an address, so
  // that queries for them do not leave the machine.
  void follow(const Container& container);
  // Writes its addresses to its hosts file, and to those of the containers that share its namespace.
  void follow_hosts(const Container& container);
  void remove_endpoint(const std::string& network_id, const Container& container);
  void remove_network(const std::string& network_id);

 private:
  dns::DnsServer& server();
  dns::ClientSpec client_of(const Container& container) const;

  NetworkState& state_;
  std::unique_ptr<dns::DnsServer> server_;  // from the first name on
};

}  // namespace stack::engine
