// Pulls and pushes for the docker command line, including the pull of a missing image by `run`.
#pragma once

#include <string>

#include "cli/session/session.h"

namespace stack::cli::docker_cli {

struct PullRequest {
  std::string reference;  // as written by the user
  std::string platform;   // "" = the machine's
  int fd = 1;             // descriptor for progress
  bool quiet = false;
};

// Uses the caller's credentials for the registry. Returns errors of the registry.
Result<> pull_image(Session& session, const PullRequest& request);

// "name:latest" for a name with neither tag nor digest.
std::string with_default_tag(const std::string& reference);

// The credentials of `docker login` for the registry of this reference, as the header X-Registry-Auth: base64url of
// {"username","password"} or {"identitytoken"}; "" if there are none.
Result<std::string> registry_auth(const Session& session, const std::string& reference);

}  // namespace stack::cli::docker_cli
