// The caller's registry credentials: Docker's config.json, credential helpers, podman's auth files. Files are read and
// helpers run as the caller; the engine receives only the credentials that a request needs.
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

// Runs docker-credential-NAME with an action ("get", "store", "erase") and its stdin; returns its stdout.
// The error contains its output. Replaced in tests.
using HelperRun = std::function<Result<std::string>(const std::string& helper, const std::string& action,
                                                    const std::string& input)>;
Result<std::string> run_credential_helper(const std::string& helper, const std::string& action,
                                          const std::string& input);

class CredentialStore {
 public:
  // Missing files count as empty; unreadable files are skipped and reported by warnings().
  static CredentialStore open(const Environment& environment, HelperRun run = run_credential_helper);

  // All credentials in files, and those from helpers that these references ("nginx", "ghcr.io/team/app:1") need.
  // `whole`: all credentials of the helpers, for builds, because their base images are not known here.
  RegistryKeyring keyring(const std::vector<std::string>& references, bool whole = false) const;

  // Whether some registry's credentials come from a program.
  bool has_helpers() const;

  // `login`: stores into the helper of the registry, or into config.json (mode 0600). Returns the place: "the
  // credential helper pass", or the path of the file.
  Result<std::string> save(const std::string& registry, const RegistryCredentials& credentials);
  // `logout`. Returns false if there were no credentials.
  Result<bool> erase(const std::string& registry);

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::string helper_for(const std::string& registry) const;
  std::set<std::string> helped_registries() const;
  Result<> write() const;

  std::string path_;  // path of config.json, "" without a home directory
  Json config_ = Json::object();
  bool damaged_ = false;      // config.json exists but is unreadable: do not overwrite it
  std::vector<Json> others_;  // read only
  HelperRun run_;
  std::vector<std::string> warnings_;
};

// The registry's key in helpers and config.json: "https://index.docker.io/v1/" for docker.io, otherwise its name.
std::string server_address(const std::string& registry);

}  // namespace stack::cli
