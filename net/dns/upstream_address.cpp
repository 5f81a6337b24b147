#include "net/dns/upstream_address.h"

namespace stack::dns {

Result<UpstreamAddress> parse_upstream(std::string_view text) {
  UpstreamAddress out;
  size_t percent = text.find('%');
  TRY_ASSIGN(out.ip, parse_ip(text.substr(0, percent)));
  if (percent == std::string_view::npos) return out;
  out.scope = text.substr(percent + 1);
  if (out.ip.is_v4() || out.scope.empty()) return invalid("invalid name server " + std::string(text));
  return out;
}

std::string text_of(const UpstreamAddress& address) {
  std::string host = address.ip.text();
  if (!address.scope.empty()) host += "%" + address.scope;
  if (!address.ip.is_v4()) host = "[" + host + "]";
  return host + ":" + std::to_string(address.port);
}

}  // namespace stack::dns
