// Capability names and numbers. capabilities(7)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stack::runtime {

// "CAP_CHOWN" -> 0; nullopt for an unknown name.
std::optional<int> capability_number(std::string_view name);
std::string capability_name(int number);
int known_capabilities();
// The highest capability of the running kernel, /proc/sys/kernel/cap_last_cap.
int last_capability();

}  // namespace stack::runtime
