// Docker's predefined networks, which cannot be removed: bridge, host, and none.
#pragma once

#include <string>
#include <string_view>

namespace stack {

// The default network of containers, with its own addresses and bridge; created on first use.
inline constexpr const char* kBridgeNetwork = "bridge";

struct PredefinedNetwork {
  const char* name;
  const char* driver;
};
inline constexpr PredefinedNetwork kPredefinedNetworks[] = {
    {kBridgeNetwork, "bridge"}, {"host", "host"}, {"none", "null"}};

bool is_predefined_network(std::string_view name);
// 64 hexadecimal digits, the same at every start of an engine. `engine_tag` distinguishes engines on a machine.
std::string predefined_network_id(std::string_view name, std::string_view engine_tag);

}  // namespace stack
