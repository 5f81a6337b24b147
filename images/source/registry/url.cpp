#include "images/source/registry/url.h"

#include <arpa/inet.h>

#include <cctype>

#include "base/text.h"

namespace stack::images::registry {

namespace {

// host, host:port, [v6], [v6]:port.
bool read_authority(std::string_view text, Url& out) {
  if (text.empty() || text.find('@') != std::string_view::npos) return false;
  std::string_view port;
  if (text.starts_with('[')) {
    size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    out.host = lower(text.substr(1, end - 1));
    port = text.substr(end + 1);
  } else {
    size_t colon = text.find(':');
    out.host = lower(text.substr(0, colon));
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  out.port = out.scheme == "https" ? 443 : 80;
  if (out.host.empty() || port.empty()) return !out.host.empty();
  port.remove_prefix(1);
  if (port.empty()) return true;
  if (!is_all_digits(port) || port.size() > 5) return false;
  out.port = std::stoi(std::string(port));
  return out.port > 0 && out.port < 65536;
}

bool has_control(std::string_view text) {
  for (char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return true;
  return false;
}

std::string without_fragment(std::string_view text) { return std::string(text.substr(0, text.find('#'))); }

}  // namespace

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  bool usual = port == (scheme == "https" ? 443 : 80);
  return usual ? out : out + ":" + std::to_string(port);
}

std::optional<Url> parse_url(std::string_view text) {
  Url out;
  if (has_control(text)) return std::nullopt;
  size_t end = text.find("://");
  if (end == std::string_view::npos) return std::nullopt;
  out.scheme = lower(text.substr(0, end));
  if (out.scheme != "http" && out.scheme != "https") return std::nullopt;
  std::string_view rest = text.substr(end + 3);
  size_t slash = rest.find_first_of("/?#");
  if (!read_authority(rest.substr(0, slash), out)) return std::nullopt;
  out.target = slash == std::string_view::npos ? "/" : without_fragment(rest.substr(slash));
  if (!out.target.starts_with('/')) out.target.insert(0, "/");
  return out;
}

std::optional<Url> resolve_location(const Url& base, std::string_view location) {
  if (location.empty() || has_control(location)) return std::nullopt;
  if (location.find("://") != std::string_view::npos && location.find("://") < location.find_first_of("/?#"))
    return parse_url(location);
  if (location.starts_with("//")) return parse_url(base.scheme + ":" + std::string(location));
  Url out = base;
  if (location.starts_with('/')) {
    out.target = without_fragment(location);
    return out;
  }
  std::string path = base.target.substr(0, base.target.find('?'));
  out.target = location.starts_with('?') ? path + without_fragment(location)
                                         : path.substr(0, path.rfind('/') + 1) + without_fragment(location);
  return out;
}

std::string query_escape(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string with_query(std::string url, std::string_view key, std::string_view value) {
  url += url.find('?') == std::string::npos ? '?' : '&';
  return url.append(key).append("=").append(query_escape(value));
}

bool is_loopback(std::string_view host) {
  std::string text(host);
  if (text == "localhost" || text.ends_with(".localhost")) return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace stack::images::registry
