#include "model/predefined_network.h"

#include <algorithm>
#include <iterator>

#include "base/identity.h"

namespace stack {

bool is_predefined_network(std::string_view name) {
  return std::any_of(std::begin(kPredefinedNetworks), std::end(kPredefinedNetworks),
                     [&](const PredefinedNetwork& predefined) { return name == predefined.name; });
}

std::string predefined_network_id(std::string_view name, std::string_view engine_tag) {
  return sha256_hex("network " + std::string(name) + " of " + std::string(engine_tag));
}

}  // namespace stack
