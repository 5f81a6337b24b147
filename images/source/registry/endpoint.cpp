#include "images/source/registry/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/directory.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "images/source/registry/url.h"
#include "model/registry_credentials.h"

namespace stack::images::registry {

namespace {

constexpr const char* kDockerHub = "registry-1.docker.io";

std::vector<std::string> strings_of(const Json& object, const char* key) {
  std::vector<std::string> out;
  auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return out;
  for (const Json& item : *found)
    if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

void read_daemon_settings(const std::string& path, HostSettings& out) {
  Result<std::string> text = read_file(path, size_t{1} << 20);
  if (!text) return;
  Result<Json> json = parse_json(*text);
  if (!json || !json->is_object()) {
    out.warnings.push_back(path + " is not a JSON object; it is ignored");
    return;
  }
  out.docker_mirrors = strings_of(*json, "registry-mirrors");
  out.insecure = strings_of(*json, "insecure-registries");
}

void read_rules(const std::string& path, HostSettings& out) {
  Result<std::string> text = read_file(path, size_t{1} << 20);
  if (!text) return;
  Result<std::vector<RegistryRule>> rules = parse_registries_conf(*text);
  if (!rules) {
    out.warnings.push_back(path + ": " + rules.error().text() + "; it is ignored");
    return;
  }
  // A later file's rule for a prefix replaces an earlier one's.
  for (RegistryRule& rule : *rules) {
    std::erase_if(out.rules, [&](const RegistryRule& old) { return old.prefix == rule.prefix; });
    out.rules.push_back(std::move(rule));
  }
}

// A folder of certs.d: *.crt are CAs, X.cert with X.key a client certificate.
void add_certificates(const std::string& folder, TlsSettings& tls) {
  for (const std::string& name : names_in(folder).value_or(std::vector<std::string>())) {
    std::string path = folder + "/" + name;
    if (name.ends_with(".crt")) tls.ca_files.push_back(path);
    if (!name.ends_with(".cert")) continue;
    std::string key = path.substr(0, path.size() - 5) + ".key";
    if (!path_exists(key)) continue;
    tls.client_certificate = path;
    tls.client_key = key;
  }
}

TlsSettings tls_for(const std::string& host, const HostSettings& settings, bool insecure) {
  TlsSettings out;
  out.verify = !insecure;
  for (const std::string& folder : settings.certificate_folders) add_certificates(folder + "/" + host, out);
  return out;
}

// "host:port/path" as the one or two endpoints that it stands for.
void add_endpoints(const std::string& location, const HostSettings& settings, bool insecure, bool mirror,
                   std::vector<Endpoint>& out) {
  size_t slash = location.find('/');
  Endpoint one;
  std::string host = location.substr(0, slash);
  one.repository = slash == std::string::npos ? "" : location.substr(slash + 1);
  one.name = host;
  one.credentials_for = location;
  one.mirror = mirror;
  insecure = insecure || is_insecure(host, settings.insecure);
  one.tls = tls_for(host, settings, insecure);
  one.origin = "https://" + (host == "docker.io" ? kDockerHub : host);
  out.push_back(one);
  if (!insecure) return;
  one.origin = "http://" + host;
  one.tls = {};
  out.push_back(std::move(one));
}

void add_docker_mirror(const std::string& text, const std::string& path, const HostSettings& settings,
                       std::vector<Endpoint>& out) {
  std::optional<Url> url = parse_url(text);
  if (!url) return;
  Endpoint one;
  std::string host = url->authority();
  std::string below = url->target.substr(1, url->target.find('?') - 1);
  while (below.ends_with('/')) below.pop_back();
  one.origin = url->origin();
  one.repository = below.empty() ? path : below + "/" + path;
  one.name = host;
  one.credentials_for = host + "/" + one.repository;
  one.mirror = true;
  if (url->scheme == "https") one.tls = tls_for(host, settings, is_insecure(host, settings.insecure));
  out.push_back(std::move(one));
}

bool mirror_serves(const MirrorRule& mirror, const RegistryRule& rule, bool by_digest) {
  if (rule.digest_only && !by_digest) return false;
  if (mirror.use == MirrorUse::DigestOnly) return by_digest;
  if (mirror.use == MirrorUse::TagOnly) return !by_digest;
  return true;
}

// address/bits of IPv4 or IPv6.
bool in_range(const std::string& address, const std::string& range) {
  size_t slash = range.find('/');
  if (slash == std::string::npos || !is_all_digits(range.substr(slash + 1)) || range.size() - slash > 4)
    return false;
  int bits = std::stoi(range.substr(slash + 1));
  std::array<unsigned char, 16> a{};
  std::array<unsigned char, 16> b{};
  int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (::inet_pton(family, address.c_str(), a.data()) != 1) return false;
  if (::inet_pton(family, range.substr(0, slash).c_str(), b.data()) != 1) return false;
  if (bits > (family == AF_INET ? 32 : 128)) return false;
  for (int bit = 0; bit < bits; ++bit) {
    auto byte = static_cast<size_t>(bit / 8);
    if (((a[byte] ^ b[byte]) >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

}  // namespace

HostSettings read_host_settings(const std::string& root) {
  HostSettings out;
  read_daemon_settings(root + "/etc/docker/daemon.json", out);
  std::string containers = root + "/etc/containers/";
  read_rules(containers + "registries.conf", out);
  for (const std::string& name :
       names_in(containers + "registries.conf.d").value_or(std::vector<std::string>()))
    if (name.ends_with(".conf")) read_rules(containers + "registries.conf.d/" + name, out);
  out.certificate_folders = {containers + "certs.d", root + "/etc/docker/certs.d"};
  return out;
}

bool is_insecure(std::string_view authority, const std::vector<std::string>& listed) {
  std::optional<Url> url = parse_url("http://" + std::string(authority));
  if (!url) return false;
  if (is_loopback(url->host)) return true;
  return std::any_of(listed.begin(), listed.end(), [&](const std::string& entry) {
    return entry == authority || entry == url->host || in_range(url->host, entry);
  });
}

Result<std::vector<Endpoint>> endpoints_of(const Reference& reference, const HostSettings& settings,
                                           Purpose purpose) {
  std::vector<Endpoint> out;
  std::string name = reference.domain + "/" + reference.path;
  const RegistryRule* rule = find_rule(settings.rules, reference.full());
  if (rule != nullptr && rule->blocked)
    return invalid("registry " + reference.domain + " is blocked in registries.conf (prefix " + rule->prefix +
                   ")");
  bool by_digest = !reference.digest.empty();
  if (purpose == Purpose::Pull && rule != nullptr)
    for (const MirrorRule& mirror : rule->mirrors)
      if (mirror_serves(mirror, *rule, by_digest))
        add_endpoints(relocate(name, *rule, mirror.location), settings, mirror.insecure, true, out);
  if (purpose == Purpose::Pull && reference.domain == "docker.io")
    for (const std::string& mirror : settings.docker_mirrors)
      add_docker_mirror(mirror, reference.path, settings, out);
  std::string location = rule == nullptr ? name : relocate(name, *rule, rule->location);
  add_endpoints(location, settings, rule != nullptr && rule->insecure, false, out);
  return out;
}

}  // namespace stack::images::registry
