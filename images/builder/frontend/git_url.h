// Addresses of git repositories in Dockerfiles and build contexts.
// https://docs.docker.com/build/concepts/context/#git-repositories
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack::builder {

struct GitUrl {
  std::string remote;    // URL for git(1), without fragment and query
  std::string ref;       // branch, tag, full reference or commit; "" = the default branch
  std::string subdir;    // relative; "" = all of it
  std::string checksum;  // the commit must begin with it; "" = any
  bool submodules = true;
  std::optional<bool> keep_git_dir;
};

// "git://..", "ssh://..", "user@host:path", "http(s)://...git"; nullopt for anything else. A fragment "#ref:subdir"
// or a query with ref, branch, tag, commit, checksum, subdir, submodules, keep-git-dir may follow. Invalid if these
// are wrong.
Result<std::optional<GitUrl>> parse_git_url(std::string_view text);

// http, https.
bool is_http_url(std::string_view text);
// Any URL of something on another machine.
bool is_remote_url(std::string_view text);

}  // namespace stack::builder
