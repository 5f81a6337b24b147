// Reading the host's apt sources (sources.list(5)): which mirror serves a suite on this host.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stack::images {

struct AptSource {
  std::string uri;  // without trailing slash
  std::string suite;
  std::vector<std::string> components;
  std::string signed_by;  // path of a keyring, or ""
};

// One-line format: "deb [options] uri suite component...".
std::vector<AptSource> parse_one_line_sources(std::string_view text);
// Deb822 format: stanzas of "Types:", "URIs:", "Suites:", ...
std::vector<AptSource> parse_deb822_sources(std::string_view text);
// /etc/apt/sources.list and sources.list.d.
std::vector<AptSource> host_apt_sources();

// The first source of this suite with component main, over http(s).
std::optional<AptSource> find_apt_source(const std::vector<AptSource>& sources, std::string_view suite);

}  // namespace stack::images
