// Docker's networks that are there from the beginning and cannot be removed: bridge, host and none.
#pragma once

#include <string>
#include <string_view>

namespace stack {

// The network of containers that name none; with addresses and a bridge of its own, made when it is first needed.
inline constexpr const char* kBridgeNetwork = "bridge";

struct PredefinedNetwork {
  const char* name;
  const char* driver;
};
inline constexpr PredefinedNetwork kPredefinedNetworks[] = {
    {kBridgeNetwork, "bridge"}, {"host", "host"}, {"none", "null"}};

bool is_predefined_network(std::string_view name);
// 64 hexadecimal digits, the same for every start of an engine. `engine_tag` tells engines of a machine apart.
std::string predefined_network_id(std::string_view name, std::string_view engine_tag);

}  // namespace stack
