// "user[:group]" of an image or service, resolved with the container's own /etc/passwd and /etc/group text.
// Does not use NSS, so that no code from an image is loaded or executed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::runtime {

struct User {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> additional_gids;  // gid, those of /etc/group, and requested additional groups
  std::string name;                       // from passwd, "" if unknown
  std::string home;                       // "/" if unknown
};

// `spec`: "", "name", "uid", "name:group", "uid:gid", and combinations. Numbers are decimal, 0 to 2^32-2, without sign or
// other text. A name not in passwd_text is an error (Docker: "unable to find user x"). Skips lines that passwd(5) does not
// allow.
Result<User> resolve_user(std::string_view spec, std::string_view passwd_text, std::string_view group_text);
// A group_add entry: name or number.
Result<uint32_t> resolve_group(std::string_view group, std::string_view group_text);

// Reads /etc/passwd and /etc/group below an open root directory. Missing files count as empty; files larger than 4 MiB and
// non-regular files are errors.
Result<User> resolve_user_in_root(std::string_view spec, int rootfs,
                                  const std::vector<std::string>& extra_groups = {});

}  // namespace stack::runtime
