#include "volumes/bind_source.h"

#include <sys/stat.h>

#include "base/files.h"

namespace stack::volumes {

Result<BindSource> check_bind_source(const std::string& path, bool create) {
  if (!path.starts_with('/')) return invalid("bind source path must be absolute: " + path);
  BindSource source;
  source.path = clean_path(path);
  struct stat info{};
  if (::stat(source.path.c_str(), &info) == 0) {
    source.directory = S_ISDIR(info.st_mode);
    return source;
  }
  int reason = errno;
  if (reason == ENOENT) {
    struct stat link{};
    if (::lstat(source.path.c_str(), &link) == 0)
      return invalid("bind source path is a dangling symbolic link: " + source.path);
    if (!create) return invalid("bind source path does not exist: " + source.path);
    source.exists = false;
    return source;
  }
  Error error = Error::from_errno("bind source path " + source.path, reason);
  return invalid(error.text());
}

Result<BindSource> ensure_bind_source(const std::string& path, bool create) {
  TRY_ASSIGN(BindSource source, check_bind_source(path, create));
  if (source.exists) return source;
  TRY(ensure_directory(source.path, 0755).in("bind source"));
  source.exists = true;
  return source;
}

}  // namespace stack::volumes
