#include "model/registry_credentials.h"

namespace stack {

namespace {

std::string_view without_scheme(std::string_view server) {
  size_t end = server.find("://");
  return end == std::string_view::npos ? server : server.substr(end + 3);
}

bool is_docker_hub(std::string_view host) {
  return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io" ||
         host == "registry.hub.docker.com";
}

// "/v1", "/v2": the version of a registry's API.
bool is_api_path(std::string_view path) { return path == "/v1" || path == "/v2"; }

}  // namespace

std::string registry_key(std::string_view server) {
  std::string_view rest = without_scheme(server);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  size_t slash = rest.find('/');
  std::string_view host = rest.substr(0, slash);
  std::string_view path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  if (is_api_path(path)) path = {};
  std::string out = is_docker_hub(host) ? "docker.io" : std::string(host);
  return out.append(path);
}

const RegistryCredentials* find_credentials(const RegistryKeyring& keyring, const Reference& reference) {
  std::string key = reference.domain + "/" + reference.path;
  for (;;) {
    auto found = keyring.find(key);
    if (found != keyring.end()) return &found->second;
    size_t slash = key.rfind('/');
    if (slash == std::string::npos) return nullptr;
    key.resize(slash);
  }
}

}  // namespace stack
