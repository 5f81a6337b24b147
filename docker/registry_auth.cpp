#include "docker/registry_auth.h"

#include "base/base64.h"

namespace stack::docker {

namespace {

Result<Json> decode_object(std::string_view value, const char* header) {
  TRY_ASSIGN(std::string text, decode_base64(value).in(header));
  Result<Json> json = parse_json(text);
  // The parser's message would contain parts of the secret.
  if (!json || !json->is_object()) return invalid(std::string(header) + ": not a JSON object");
  return json;
}

}  // namespace

RegistryCredentials credentials_from_json(const Json& auth) {
  RegistryCredentials out;
  if (!auth.is_object()) return out;
  out.username = string_or(auth, "username");
  out.password = string_or(auth, "password");
  out.identity_token = string_or(auth, "identitytoken");
  out.registry_token = string_or(auth, "registrytoken");
  std::string both = string_or(auth, "auth");
  if (!out.username.empty() || both.empty()) return out;
  Result<std::string> decoded = decode_base64(both);
  size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return out;
  out.username = decoded->substr(0, colon);
  out.password = decoded->substr(colon + 1);
  // Old versions of Docker stored passwords padded with zero bytes.
  while (!out.password.empty() && out.password.back() == '\0') out.password.pop_back();
  return out;
}

Json to_json(const RegistryCredentials& credentials, const std::string& server) {
  Json out = Json::object();
  if (!credentials.username.empty()) out["username"] = credentials.username;
  if (!credentials.password.empty()) out["password"] = credentials.password;
  if (!credentials.identity_token.empty()) out["identitytoken"] = credentials.identity_token;
  if (!credentials.registry_token.empty()) out["registrytoken"] = credentials.registry_token;
  if (!server.empty()) out["serveraddress"] = server;
  return out;
}

Result<RegistryCredentials> read_auth_header(std::string_view value) {
  if (value.empty()) return RegistryCredentials();
  TRY_ASSIGN(Json json, decode_object(value, "X-Registry-Auth"));
  return credentials_from_json(json);
}

Result<RegistryKeyring> read_config_header(std::string_view value) {
  RegistryKeyring out;
  if (value.empty()) return out;
  TRY_ASSIGN(Json json, decode_object(value, "X-Registry-Config"));
  for (const auto& [server, auth] : json.items()) {
    RegistryCredentials credentials = credentials_from_json(auth);
    if (!credentials.empty()) out[registry_key(server)] = std::move(credentials);
  }
  return out;
}

std::string auth_header(const RegistryCredentials& credentials, const std::string& server) {
  return encode_base64url(to_text(to_json(credentials, server)));
}

std::string config_header(const RegistryKeyring& keyring) {
  Json out = Json::object();
  for (const auto& [key, credentials] : keyring) out[key] = to_json(credentials, "");
  return encode_base64url(to_text(out));
}

}  // namespace stack::docker
