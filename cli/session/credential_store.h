// The caller's registry credentials: Docker's config.json, credential helpers, podman's auth files. Everything is read, and
// every helper runs, as the caller; the engine gets what one request needs.
//
//   $DOCKER_AUTH_CONFIG (JSON), $DOCKER_CONFIG/config.json or ~/.docker/config.json
//   $REGISTRY_AUTH_FILE, else $XDG_RUNTIME_DIR/containers/auth.json and ~/.config/containers/auth.json
//
// https://docs.docker.com/reference/cli/docker/login/ (credsStore, credHelpers), containers-auth.json(5).
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/flags/globals.h"
#include "model/registry_credentials.h"

namespace stack::cli {

// Runs docker-credential-NAME with an action ("get", "store", "erase") and its standard input; gives its standard output.
// The error holds what it said. Replaced in tests.
using HelperRun = std::function<Result<std::string>(const std::string& helper, const std::string& action,
                                                    const std::string& input)>;
Result<std::string> run_credential_helper(const std::string& helper, const std::string& action,
                                          const std::string& input);

class CredentialStore {
 public:
  // Files that are missing count as empty; what cannot be read is left out and told by warnings().
  static CredentialStore open(const Environment& environment, HelperRun run = run_credential_helper);

  // All that stands in files, and of helpers what these references ("nginx", "ghcr.io/team/app:1") need. `whole`: all that
  // the helpers have, as builds take it, whose base images are not known here.
  RegistryKeyring keyring(const std::vector<std::string>& references, bool whole = false) const;

  // `login`: into the helper that serves the registry, else into config.json (mode 0600). Says where: "the credential
  // helper pass", or the file's path.
  Result<std::string> save(const std::string& registry, const RegistryCredentials& credentials);
  // `logout`. false: there was nothing.
  Result<bool> erase(const std::string& registry);

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::string helper_for(const std::string& registry) const;
  std::set<std::string> helped_registries() const;
  Result<> write() const;

  std::string path_;  // of config.json, "" where there is no home
  Json config_ = Json::object();
  bool damaged_ = false;      // config.json is there and cannot be read: it is not overwritten
  std::vector<Json> others_;  // read only
  HelperRun run_;
  std::vector<std::string> warnings_;
};

// What helpers and config.json call a registry: "https://index.docker.io/v1/" for docker.io, else its name.
std::string server_address(const std::string& registry);

}  // namespace stack::cli
