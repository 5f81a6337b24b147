// The names of endpoints on each network.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/address.h"

namespace stack::dns {

struct ZoneNetwork {
  std::string name;                // for "web.<name>" and for PTR answers
  bool internal = false;           // its names are never forwarded; it has no route to the outside
  std::vector<Cidr> subnets = {};  // reverse queries for these are never forwarded
};

struct EndpointNames {
  // The container name first (used in PTR answers), then service name, aliases, 12-character ID, hostname. Not
  // case-sensitive; duplicates are allowed.
  std::vector<std::string> names = {};
  // Empty while the container is stopped: its names then exist without an address and are not forwarded.
  std::vector<IpAddress> addresses = {};
};

// The names visible to one container: its networks; the first match wins.
struct View {
  std::vector<std::string> networks = {};  // network ids, in the order of look-up
  // Lowercase alias -> name, looked up first (legacy `links`).
  std::map<std::string, std::string> links = {};
};

// Mutable; single-threaded. The cost of adding and removing an endpoint depends only on its own names.
class Zone {
 public:
  // Adds or changes a network; keeps its endpoints.
  void set_network(const std::string& network_id, ZoneNetwork spec);
  // Removes a network with its endpoints. Idempotent.
  void remove_network(const std::string& network_id);
  // Adds or replaces an endpoint; false if the network was not set.
  bool set_endpoint(const std::string& network_id, const std::string& endpoint_id, EndpointNames spec);
  void remove_endpoint(const std::string& network_id, const std::string& endpoint_id);

  // --- lookups; names are lowercase without the final dot ---
  struct Found {
    bool known = false;  // an endpoint has this name, running or not
    // Addresses of running endpoints on the first network that has any, without duplicates.
    std::vector<IpAddress> addresses;
  };
  // Looks up the whole name on the view's networks, then "name.network" with every split.
  Found find(const View& view, std::string_view name) const;
  // "<container>.<network>" for an address on one of the view's networks.
  std::optional<std::string> find_name(const View& view, const IpAddress& address) const;
  // Whether the address is in a subnet of the view's networks.
  bool owns_address(const View& view, const IpAddress& address) const;
  // Whether the name ends with the name of an internal network of the view.
  bool is_internal_name(const View& view, std::string_view name) const;
  // Whether the view has a network with a route to the outside.
  bool has_way_out(const View& view) const;

  size_t network_count() const { return networks_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <typename T>
  using NameMap = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  struct Endpoint {
    std::vector<std::string> names;  // lower case, unique
    std::vector<IpAddress> addresses;
  };
  struct Network {
    ZoneNetwork spec;
    std::string key;  // lower-case name
    NameMap<std::unique_ptr<Endpoint>> endpoints;
    NameMap<std::vector<const Endpoint*>> by_name;
    std::map<IpAddress, const Endpoint*> by_address;
  };

  const Network* network(std::string_view id) const;
  static void find_on(const Network& network, std::string_view name, Found& found);
  static void forget(Network& network, const Endpoint& endpoint);

  NameMap<Network> networks_;
};

}  // namespace stack::dns
