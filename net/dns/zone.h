// What names mean: the networks, and who is on them under which names.
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
  bool internal = false;           // its names never leave the machine; it gives no way out
  std::vector<Cidr> subnets = {};  // reverse questions about them are never forwarded
};

struct EndpointNames {
  // Container name first (PTR answers give it), then service name, aliases, 12-character id, hostname. Case
  // does not matter, duplicates neither.
  std::vector<std::string> names = {};
  // Empty while the container is stopped: its names are then known, without address, and do not leave.
  std::vector<IpAddress> addresses = {};
};

// The names of a container that asks: which networks it is on, first match wins.
struct View {
  std::vector<std::string> networks = {};  // network ids, in the order of look-up
  // Lower-case alias -> name, looked up before everything else (legacy `links`).
  std::map<std::string, std::string> links = {};
};

// Mutable, for one thread; adding and removing an endpoint costs its own names only, however many others
// there are.
class Zone {
 public:
  // Adds or changes; endpoints are kept.
  void set_network(const std::string& network_id, ZoneNetwork spec);
  // With its endpoints; missing is fine.
  void remove_network(const std::string& network_id);
  // Adds or replaces. The network must have been set; false where it was not.
  bool set_endpoint(const std::string& network_id, const std::string& endpoint_id, EndpointNames spec);
  void remove_endpoint(const std::string& network_id, const std::string& endpoint_id);

  // --- questions, names in lower case without the final dot ---
  struct Found {
    bool known = false;  // somebody has this name, running or not
    std::vector<IpAddress>
        addresses;  // of all that run, without duplicates, on the first network where one does
  };
  // The name as a whole on the view's networks, then as "name.network" with every split.
  Found find(const View& view, std::string_view name) const;
  // "<container>.<network>" for an address on one of the view's networks.
  std::optional<std::string> find_name(const View& view, const IpAddress& address) const;
  // Is the address inside a subnet of the view's networks?
  bool owns_address(const View& view, const IpAddress& address) const;
  // Does the name end in the name of an internal network of the view?
  bool is_internal_name(const View& view, std::string_view name) const;
  // Has the view a network that leads out?
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
