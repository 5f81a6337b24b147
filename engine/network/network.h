// One network: what was asked for, and what it came to.
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

// The body of POST /networks/create, and what the planner asks for.
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
  // How many containers it will hold, where that is known: a subnet chosen for it has room for them.
  size_t expected_containers = 0;
};

// Docker's default network: made when a container first needs it, and kept by `network prune`.
constexpr const char* kDefaultNetwork = "bridge";

struct Network {
  std::string id;
  std::string created_at;  // RFC 3339
  NetworkRequest request;
  std::string bridge;        // interface name; "" where the driver has none
  std::string parent;        // macvlan, ipvlan: the host's interface
  bool made_parent = false;  // by this engine, for this network
  std::vector<net::AddressPool> pools;
  bool ready = false;     // bridge and firewall entries are in place, as far as this run of the engine knows
  bool removing = false;  // no container may be attached any more
  std::string fault;      // why its bridge could not be repaired; "" = it works

  const std::string& name() const { return request.name; }
  // A driver option: "com.docker.network.bridge.enable_icc"; "" = not given.
  std::string option(const std::string& key) const;
  bool is_bridge() const { return request.driver == "bridge"; }
  net::BridgeSpec bridge_spec() const;
  // macvlan, ipvlan: how its interfaces sit on the parent.
  Result<net::ChildKind> child_kind() const;
  // How many containers it can hold.
  uint64_t capacity() const;
};
using NetworkPtr = std::shared_ptr<Network>;

// 1 to 128 letters, digits, '_', '.' and '-', beginning with a letter or digit: the name is part of DNS names and
// of messages.
Result<> check_network_name(const std::string& name);

// The pool of a network: the subnet's host bits are cleared, a missing gateway is the first address.
Result<net::AddressPool> make_pool(const NetworkRequest::Pool& wanted);

// The store's form of a network.
Json record_of(const Network& network);
Result<NetworkPtr> read_network(const std::string& id, const Json& record);

}  // namespace stack::engine
