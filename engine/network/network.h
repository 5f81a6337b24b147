// One network: the request and its result.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "net/link/address_pool.h"
#include "net/link/bridge.h"
#include "net/link/child_link.h"

namespace stack::engine {

// A request by POST /networks/create or by the planner.
struct NetworkRequest {
  std::string name;
  std::string driver;  // "" = bridge
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
  bool internal = false;
  bool attachable = false;
  bool enable_ipv4 = true;
  bool enable_ipv6 = false;
  struct Pool {
    std::string subnet;
    std::string ip_range;
    std::string gateway;
    std::map<std::string, std::string> auxiliary;
  };
  std::vector<Pool> pools;
  std::string ipam_driver;
  // Expected number of containers, if known, for choosing the subnet size.
  size_t expected_containers = 0;
};

// Docker's default network: created on first use, and not removed by `network prune`.
constexpr const char* kDefaultNetwork = "bridge";

struct Network {
  std::string id;
  std::string created_at;  // RFC 3339
  NetworkRequest request;
  std::string bridge;        // interface name; "" if the driver has no bridge
  std::string parent;        // macvlan, ipvlan: the host's interface
  bool made_parent = false;  // created by this engine for this network
  std::vector<net::AddressPool> pools;
  bool ready = false;     // bridge and firewall entries were set up in this run of the engine
  bool removing = false;  // no container may join
  std::string fault;      // why its bridge could not be repaired; "" = no fault

  const std::string& name() const { return request.name; }
  // A driver option such as "com.docker.network.bridge.enable_icc"; "" = not set.
  std::string option(const std::string& key) const;
  bool is_bridge() const { return request.driver == "bridge"; }
  net::BridgeSpec bridge_spec() const;
  // Of a bridge network. Invalid if a driver option that determines it is wrong.
  Result<net::BridgeOutside> outside(Family family) const;
  // macvlan, ipvlan: the kind of its interfaces.
  Result<net::ChildKind> child_kind() const;
  // Maximum number of containers.
  uint64_t capacity() const;
};
using NetworkPtr = std::shared_ptr<Network>;

// 1 to 512 letters, digits, '_', '.', and '-', starting with a letter or digit, because the name is part of DNS names and
// messages.
Result<> check_network_name(const std::string& name);

// The pool of a network: clears the subnet's host bits; a missing gateway is the first address.
Result<net::AddressPool> make_pool(const NetworkRequest::Pool& wanted);

// The stored form of a network.
Json record_of(const Network& network);
Result<NetworkPtr> read_network(const std::string& id, const Json& record);

}  // namespace stack::engine
