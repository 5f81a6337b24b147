#include "model/protocol.h"

#include "base/text.h"

namespace stack {

std::string to_text(Protocol protocol) {
  switch (protocol) {
    case Protocol::Tcp:
      return "tcp";
    case Protocol::Udp:
      return "udp";
    case Protocol::Sctp:
      return "sctp";
  }
  return "tcp";
}

std::optional<Protocol> parse_protocol(std::string_view text) {
  for (Protocol protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp})
    if (lower(text) == to_text(protocol)) return protocol;
  return std::nullopt;
}

}  // namespace stack
