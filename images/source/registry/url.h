// The part of URLs that registries need: absolute http(s) URLs, and resolving a Location against one (RFC 3986
// section 5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stack::images::registry {

struct Url {
  std::string scheme;  // "http", "https"
  std::string host;    // lower case; IPv6 without brackets
  int port = 0;        // always set: 80, 443, or the given port
  std::string target;  // path and query; begins with "/"

  // "host", or "host:port" if the port is not the scheme's default.
  std::string authority() const;
  // "https://host[:port]".
  std::string origin() const { return scheme + "://" + authority(); }
  std::string text() const { return origin() + target; }
};

// nullopt: not an http(s) URL, or one with a user name (URLs must not contain credentials).
std::optional<Url> parse_url(std::string_view text);

// A Location field: absolute, without host ("//"-less path), or relative to the base's path.
std::optional<Url> resolve_location(const Url& base, std::string_view location);

// Percent-encodes the value of a query parameter.
std::string query_escape(std::string_view text);
// Adds a parameter.
std::string with_query(std::string url, std::string_view key, std::string_view value);

// 127.0.0.0/8, ::1 and localhost.
bool is_loopback(std::string_view host);

}  // namespace stack::images::registry
