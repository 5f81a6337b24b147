// Credentials in Docker's headers: X-Registry-Auth (one registry) and X-Registry-Config (several, by server), both base64url
// of JSON. https://docs.docker.com/reference/api/engine/#section/Authentication
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "model/registry_credentials.h"

namespace stack::docker {

// An AuthConfig: {"username","password","auth","identitytoken","registrytoken","serveraddress"}. "auth" is base64 of
// "user:password" and is used if the two are absent. Members of the wrong type count as absent.
RegistryCredentials credentials_from_json(const Json& auth);
Json to_json(const RegistryCredentials& credentials, const std::string& server);

// Reads X-Registry-Auth. An empty value is anonymous; Invalid if it cannot be decoded.
Result<RegistryCredentials> read_auth_header(std::string_view value);
// Reads X-Registry-Config; keys are normalized by registry_key().
Result<RegistryKeyring> read_config_header(std::string_view value);
std::string auth_header(const RegistryCredentials& credentials, const std::string& server);
std::string config_header(const RegistryKeyring& keyring);

}  // namespace stack::docker
