// Pulling on the docker command line: `pull`, `push`, and `run` of an image that is missing.
#pragma once

#include <string>

#include "cli/session/session.h"

namespace stack::cli::docker_cli {

struct PullRequest {
  std::string reference;  // as the user wrote it
  std::string platform;   // "" = the machine's
  int fd = 1;             // where progress is shown
  bool quiet = false;
};

// With the caller's credentials for the registry. Errors of the registry are returned.
Result<> pull_image(Session& session, const PullRequest& request);

// "name:latest" for a name with neither tag nor digest.
std::string with_default_tag(const std::string& reference);

// What `docker login` keeps for the registry of this reference, as the header X-Registry-Auth: base64url of
// {"username","password"} or {"identitytoken"}; "" for none.
Result<std::string> registry_auth(const Session& session, const std::string& reference);

}  // namespace stack::cli::docker_cli
