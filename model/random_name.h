// Names for containers that nobody named: "calm_hopper", as people know them from Docker.
#pragma once

#include <cstdint>
#include <string>

namespace stack {

// One of some 6,000; the same for the same number.
std::string random_name(uint64_t number);

}  // namespace stack
