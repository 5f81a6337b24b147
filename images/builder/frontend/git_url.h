// Addresses of git repositories as Dockerfiles and build contexts have them.
// https://docs.docker.com/build/concepts/context/#git-repositories
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack::builder {

struct GitUrl {
  std::string remote;    // what git(1) takes, without fragment and query
  std::string ref;       // branch, tag, full reference or commit; "" = the default branch
  std::string subdir;    // relative; "" = all of it
  std::string checksum;  // the commit must begin with it; "" = any
  bool submodules = true;
  std::optional<bool> keep_git_dir;
};

// "git://..", "ssh://..", "user@host:path", "http(s)://...git"; nullopt for anything else. A fragment "#ref:subdir" or a
// query with ref, branch, tag, commit, checksum, subdir, submodules, keep-git-dir may follow. Invalid where these are wrong.
Result<std::optional<GitUrl>> parse_git_url(std::string_view text);

// http, https.
bool is_http_url(std::string_view text);
// Anything that names something on another machine.
bool is_remote_url(std::string_view text);

}  // namespace stack::builder
