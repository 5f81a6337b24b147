// Addresses of endpoints, held as long as the object lives.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/container/container.h"
#include "engine/network/network.h"

namespace stack::engine {

// One address taken from a network's pools; given back at the end of its life.
class AddressLease {
 public:
  AddressLease(NetworkPtr network, IpAddress address) : network_(std::move(network)), address_(address) {}
  AddressLease(AddressLease&& other) noexcept
      : network_(std::exchange(other.network_, nullptr)), address_(other.address_) {}
  AddressLease& operator=(AddressLease&&) = delete;
  ~AddressLease();

 private:
  NetworkPtr network_;  // null: moved from
  IpAddress address_;
};

// Takes an address of each of the network's pools and writes them into the endpoint: the one asked for, else the one
// of the container's last run where it is still free, else the next free one. All or none.
Result<std::vector<AddressLease>> lease_addresses(const NetworkPtr& network, Endpoint& endpoint,
                                                  const std::string& holder);

// Takes the addresses that the endpoint has already: it was attached by an earlier engine.
Result<std::vector<AddressLease>> readopt_addresses(const NetworkPtr& network, const Endpoint& endpoint,
                                                    const std::string& holder);

}  // namespace stack::engine
