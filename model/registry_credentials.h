// Credentials for image registries, as plain values. The caller sends them with each request; the engine never stores them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/image_reference.h"

namespace stack {

// The contents of Docker's AuthConfig. Only one method is used, in this order: registry_token, identity_token, user name and
// password.
struct RegistryCredentials {
  std::string username;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token
  std::string registry_token;  // sent unchanged: "Authorization: Bearer ..."

  bool empty() const { return username.empty() && identity_token.empty() && registry_token.empty(); }
  bool operator==(const RegistryCredentials&) const = default;
};

// Credentials by registry_key(), or by a key with a path below it ("ghcr.io/team/app"), see containers-auth.json(5).
using RegistryKeyring = std::map<std::string, RegistryCredentials>;

// The registry's name as in references: "https://index.docker.io/v1/" and "registry-1.docker.io" become "docker.io",
// "https://ghcr.io/v2/" becomes "ghcr.io". Keeps a path that is not an API version ("host/team").
std::string registry_key(std::string_view server);

// The entry with the longest path that covers the reference: host/ns/repo, host/ns, host.
const RegistryCredentials* find_credentials(const RegistryKeyring& keyring, const Reference& reference);

}  // namespace stack
