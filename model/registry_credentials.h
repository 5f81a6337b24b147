// Credentials for image registries, as plain values. They travel from the caller to the engine with one request and are
// never stored.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/image_reference.h"

namespace stack {

// What Docker's AuthConfig holds. At most one of the three ways is used: registry_token, identity_token, then user name and
// password.
struct RegistryCredentials {
  std::string username;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token
  std::string registry_token;  // sent as it is: "Authorization: Bearer ..."

  bool empty() const { return username.empty() && identity_token.empty() && registry_token.empty(); }
  bool operator==(const RegistryCredentials&) const = default;
};

// Credentials by registry_key(), or by a key with a path below it ("ghcr.io/team/app"), as containers-auth.json(5) has it.
using RegistryKeyring = std::map<std::string, RegistryCredentials>;

// The registry's name as references have it: "https://index.docker.io/v1/" and "registry-1.docker.io" are "docker.io",
// "https://ghcr.io/v2/" is "ghcr.io". A path that is no API version ("host/team") stays.
std::string registry_key(std::string_view server);

// The entry with the longest path that covers the reference: host/ns/repo, host/ns, host.
const RegistryCredentials* find_credentials(const RegistryKeyring& keyring, const Reference& reference);

}  // namespace stack
