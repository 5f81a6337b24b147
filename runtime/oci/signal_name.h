// Parses signal names and numbers.
#pragma once

#include <optional>
#include <string_view>

namespace stack::runtime::oci {

// "9", "KILL", "SIGKILL", "rtmin+3"; nullopt for anything else. 0 only tests for the process.
std::optional<int> parse_signal(std::string_view text);

}  // namespace stack::runtime::oci
