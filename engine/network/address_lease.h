// Addresses of endpoints, held for the lifetime of an object.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/container/container.h"
#include "engine/network/network.h"

namespace stack::engine {

// One address taken from a network's pools; returned on destruction.
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

// Takes an address of each family from the network's pools and sets it in the endpoint: the requested address, otherwise
// the address of the last run if it is still free, otherwise the next free address. All or nothing.
Result<std::vector<AddressLease>> lease_addresses(const NetworkPtr& network, Endpoint& endpoint,
                                                  const std::string& holder);

// Takes the addresses of an endpoint that an earlier engine attached.
Result<std::vector<AddressLease>> readopt_addresses(const NetworkPtr& network, const Endpoint& endpoint,
                                                    const std::string& holder);

}  // namespace stack::engine
