// The transport protocols of published ports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stack {

// The values are those of the IP header (https://www.iana.org/assignments/protocol-numbers).
enum class Protocol : uint8_t { Tcp = 6, Udp = 17, Sctp = 132 };

std::string to_text(Protocol protocol);  // "tcp", ...
// Accepts any case; nullopt for other texts.
std::optional<Protocol> parse_protocol(std::string_view text);

}  // namespace stack
