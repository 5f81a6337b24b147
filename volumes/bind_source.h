// Sources of bind mounts: host paths from the user.
#pragma once

#include <string>

#include "base/result.h"

namespace stack::volumes {

struct BindSource {
  std::string path;  // cleaned, absolute
  bool directory = true;
  bool exists = true;  // false: will be created (create_host_path)
};

// Checks a source without changing anything. Errors (Invalid): relative path; required path is missing
// ("bind source path does not exist: /x"); a path component is not a directory or not accessible.
// With `create`, a missing path is allowed: exists = false.
Result<BindSource> check_bind_source(const std::string& path, bool create);

// Like check_bind_source, but with `create` also creates a missing directory (with parents, 0755, root).
// Idempotent.
Result<BindSource> ensure_bind_source(const std::string& path, bool create);

}  // namespace stack::volumes
