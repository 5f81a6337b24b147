// Authentication toward registries: Basic, and bearer tokens as in the distribution project's token specification
// (https://distribution.github.io/distribution/spec/auth/token/, .../oauth/), with a cache that all pulls and pushes share.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "images/source/registry/challenge.h"
#include "images/source/registry/transport.h"
#include "model/registry_credentials.h"

namespace stack::images::registry {

// Permissions of a request: "repository:library/nginx:pull", several for a push that mounts from other
// repositories. Sorted.
using Scopes = std::vector<std::string>;

// The caller, the registry, and the scopes. Requests share a token only if all of these are equal.
struct AuthRequest {
  std::string origin;  // of the registry: "https://ghcr.io"
  Scopes scopes;
  RegistryCredentials credentials;  // empty: anonymous
  TlsSettings tls;                  // for a token service on the registry's own host
  ProxySettings proxy;
  std::stop_token stop;
};

// A token service's answer. expires_in below 60 s counts as 60 s, as in the specification.
struct Token {
  std::string value;
  std::chrono::seconds lifetime{60};
};
Result<Token> parse_token(std::string_view json);

// Thread-safe. One request at a time goes to a token service for equal AuthRequests; the others wait for its answer.
class Authenticator {
 public:
  explicit Authenticator(Transport& transport) : transport_(transport) {}

  // The Authorization value that worked for an equal request and has not expired; nullopt if there is none.
  std::optional<std::string> known(const AuthRequest& request);
  // The value that answers these challenges (the WWW-Authenticate fields of a 401). `refused`: the value that was
  // sent and rejected, "" = none; it is not returned again. Errors: Invalid if required credentials are missing or
  // wrong.
  Result<std::string> answer(const AuthRequest& request, const std::vector<std::string>& challenges,
                             const std::string& refused);

 private:
  struct Entry {
    std::mutex mutex;  // held while the token service is asked
    std::string value;
    std::chrono::steady_clock::time_point expires;
  };

  std::shared_ptr<Entry> entry_of(const AuthRequest& request);
  Result<Token> fetch_token(const AuthRequest& request, const Challenge& challenge);
  Result<Token> post_token(const AuthRequest& request, const Challenge& challenge, bool& fall_back);
  Result<Token> get_token(const AuthRequest& request, const Challenge& challenge);
  HttpRequest token_request(const AuthRequest& request, const std::string& realm) const;

  Transport& transport_;
  std::mutex mutex_;  // guards the map
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace stack::images::registry
