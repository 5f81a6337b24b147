// Internal to engine/network: the network interfaces of containers.
#pragma once

#include <string>

#include "engine/network/network_state.h"

namespace stack::engine {

class Interfaces {
 public:
  explicit Interfaces(NetworkState& state) : state_(state) {}

  // Creates the interface of an attached endpoint. `interface_name`: "" = the requested or else the first free name.
  Result<> plug(const Container& container, Endpoint& endpoint, const net::DefaultGateways& gateways,
                std::string interface_name = "");
  Result<> unplug(const Container& container, const Endpoint& endpoint);
  // The host's side of an interface.
  static net::VethSpec host_side_of(const Endpoint& endpoint, const Network& network);

 private:
  Result<MacAddress> create(const Network& network, const net::VethSpec& spec);

  NetworkState& state_;
};

}  // namespace stack::engine
