// Generated container names like Docker's: "calm_hopper".
#pragma once

#include <cstdint>
#include <string>

namespace stack {

// One of about 6,000 names; equal numbers give equal names.
std::string random_name(uint64_t number);

}  // namespace stack
