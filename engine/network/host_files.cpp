#include "engine/network/host_files.h"

#include <algorithm>

#include "base/text.h"

namespace stack::engine {

namespace {

constexpr std::string_view kEmbeddedServer = "127.0.0.11";
constexpr std::string_view kLocalhost6 =
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";

std::vector<std::string> resolver_words(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  std::vector<std::string> words;
  for (size_t at = line.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    words.emplace_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
  return words;
}

// "name=ip" or "name:ip", IPv6 with or without brackets; "" if invalid.
std::string extra_host_line(const std::string& extra, const std::string& host_gateway) {
  size_t separator = extra.find('=');
  if (separator == std::string::npos) separator = extra.find(':');
  if (separator == std::string::npos) return "";
  std::string address = extra.substr(separator + 1);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  if (address == "host-gateway") address = host_gateway;
  return address + "\t" + extra.substr(0, separator) + "\n";
}

}  // namespace

std::string own_host_names(const ContainerSpec& spec, const std::string& short_id) {
  std::string host = spec.hostname.empty() ? short_id : spec.hostname;
  if (!spec.domainname.empty()) return host + "." + spec.domainname + " " + host;
  size_t dot = host.find('.');
  return dot == std::string::npos || dot == 0 ? host : host + " " + host.substr(0, dot);
}

std::string fixed_hosts(const std::vector<std::string>& extra_hosts, const std::string& host_gateway,
                        bool ipv6) {
  std::string text = "127.0.0.1\tlocalhost\n";
  if (ipv6) text += kLocalhost6;
  for (const std::string& extra : extra_hosts) text += extra_host_line(extra, host_gateway);
  return text;
}

std::string endpoint_hosts(const std::vector<std::string>& addresses, const std::string& names) {
  std::string text;
  for (const std::string& address : addresses) text += address + "\t" + names + "\n";
  return text;
}

std::string update_hosts(std::string_view present, const std::vector<std::string>& former,
                         const std::vector<std::string>& addresses, const std::string& names) {
  std::string text;
  for (size_t at = 0; at < present.size();) {
    size_t end = std::min(present.find('\n', at), present.size());
    std::string_view line = present.substr(at, end - at);
    bool ours = std::any_of(former.begin(), former.end(),
                            [&](const std::string& address) { return line == address + "\t" + names; });
    if (!ours) text += std::string(line) + "\n";
    at = end + 1;
  }
  return text + endpoint_hosts(addresses, names);
}

ResolverSettings parse_resolver_settings(std::string_view resolv_conf) {
  ResolverSettings out;
  for (const std::string& line : split(resolv_conf, '\n')) {
    std::vector<std::string> words = resolver_words(line);
    if (words.size() < 2 || words[0][0] == '#' || words[0][0] == ';') continue;
    std::vector<std::string> rest(words.begin() + 1, words.end());
    if (words[0] == "nameserver") out.servers.push_back(rest[0]);
    if (words[0] == "search" || words[0] == "domain") out.search = rest;
    if (words[0] == "options") out.options.insert(out.options.end(), rest.begin(), rest.end());
  }
  return out;
}

std::string resolv_conf_text(ResolverSettings host, const ContainerSpec& spec, bool embedded) {
  if (!spec.dns_search.empty()) host.search = spec.dns_search;
  std::erase(host.search, ".");
  if (!spec.dns_options.empty()) host.options = spec.dns_options;
  if (embedded) {
    host.servers = {std::string(kEmbeddedServer)};
    bool has_ndots = std::any_of(host.options.begin(), host.options.end(),
                                 [](const std::string& option) { return option.starts_with("ndots:"); });
    if (!has_ndots) host.options.emplace_back("ndots:0");
  } else if (!spec.dns.empty()) {
    host.servers = spec.dns;
  }
  std::string text;
  for (const std::string& server : host.servers) text += "nameserver " + server + "\n";
  if (!host.search.empty()) text += "search " + join(host.search, " ") + "\n";
  if (!host.options.empty()) text += "options " + join(host.options, " ") + "\n";
  return text;
}

}  // namespace stack::engine
