// Files of git repositories, through the host's git(1). No code of a repository is executed: no hooks, no filters,
// no local or external transports.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "images/builder/frontend/git_url.h"

namespace stack::builder {

struct GitAccess {
  std::map<std::string, std::string> proxy;  // HTTP_PROXY and the like
  std::string ca_bundle;                     // PEM, "" = git's own
  std::string ssh_socket;                    // of an agent, "" = none
  std::string authorization;  // value of an Authorization header for the remote's origin, "" = none
  std::string home;           // an empty directory for git's own files
  std::stop_token stop;
};

// The commit that the reference currently names: 40 hexadecimal digits. NotFound if there is none; Invalid if it
// does not match the checksum.
Result<std::string> find_commit(const GitUrl& url, const GitAccess& access);

// Checks out the tree of the commit into the empty directory; files have the time of the commit. Without
// `keep_git_dir`, ".git" is removed.
Result<> check_out(const GitUrl& url, const std::string& commit, bool keep_git_dir,
                   const std::string& directory, const GitAccess& access);

}  // namespace stack::builder
