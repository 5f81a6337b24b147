// "user[:group]" of an image or service, resolved with the container's own /etc/passwd and /etc/group text.
// Never uses NSS: nothing of an image is loaded or executed here.
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
  std::vector<uint32_t> additional_gids;  // from /etc/group, and extra groups asked for
  std::string name;                       // from passwd, "" where unknown
  std::string home;                       // "/" where unknown
};

// `spec`: "", "name", "uid", "name:group", "uid:gid" and mixtures. Numbers are decimal, 0 to 2^32-2, no sign,
// no leading or trailing text. A name that passwd_text does not have is an error (Docker: "unable to find
// user x"). Lines longer or stranger than passwd(5) allows are skipped.
Result<User> resolve_user(std::string_view spec, std::string_view passwd_text, std::string_view group_text);
// A group_add entry: name or number.
Result<uint32_t> resolve_group(std::string_view group, std::string_view group_text);

// Reads /etc/passwd and /etc/group below an open root directory; missing files count as empty; more than 4
// MiB, or anything but a regular file, is an error.
Result<User> resolve_user_in_root(std::string_view spec, int rootfs,
                                  const std::vector<std::string>& extra_groups = {});

}  // namespace stack::runtime
