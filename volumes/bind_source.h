// Sources of bind mounts: host paths that the user named.
#pragma once

#include <string>

#include "base/result.h"

namespace stack::volumes {

struct BindSource {
  std::string path;  // cleaned, absolute
  bool directory = true;
  bool exists = true;  // false: will be made (create_host_path)
};

// Looks, changes nothing. Errors (Invalid): relative path; missing although it must exist
// ("bind source path does not exist: /x"); a component of the path is not a directory; not reachable.
// With `create` a missing path is fine: exists = false.
Result<BindSource> check_bind_source(const std::string& path, bool create);

// check_bind_source, and makes a missing directory (with parents, 0755, root) where `create` is set.
// Idempotent.
Result<BindSource> ensure_bind_source(const std::string& path, bool create);

}  // namespace stack::volumes
