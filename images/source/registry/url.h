// Just as much of URLs as registries need: absolute http(s) ones, and resolving a Location against one (RFC 3986 section 5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stack::images::registry {

struct Url {
  std::string scheme;  // "http", "https"
  std::string host;    // lower case; IPv6 without brackets
  int port = 0;        // always set: 80, 443 or what was given
  std::string target;  // path and query; begins with "/"

  // "host", or "host:port" where the port is not the scheme's own.
  std::string authority() const;
  // "https://host[:port]".
  std::string origin() const { return scheme + "://" + authority(); }
  std::string text() const { return origin() + target; }
};

// nullopt: no http(s) URL, or one with a user name (credentials never travel in URLs here).
std::optional<Url> parse_url(std::string_view text);

// A Location field: absolute, without host ("//"-less path), or relative to the base's path.
std::optional<Url> resolve_location(const Url& base, std::string_view location);

// Percent-encoded for a query's value.
std::string query_escape(std::string_view text);
// With one more parameter.
std::string with_query(std::string url, std::string_view key, std::string_view value);

// 127.0.0.0/8, ::1 and localhost.
bool is_loopback(std::string_view host);

}  // namespace stack::images::registry
