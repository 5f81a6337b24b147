#include "base/directory.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <string_view>

#include "base/fd.h"

namespace stack {

namespace {

Result<std::vector<std::string>> take_names(Fd directory) {
  DIR* stream = ::fdopendir(directory.get());
  if (stream == nullptr) return Error::last_errno("open directory");
  (void)directory.release();
  std::vector<std::string> names;
  errno = 0;
  while (dirent* entry = ::readdir(stream)) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  Result<> read = errno == 0 ? Result<>() : Result<>(Error::last_errno("read directory"));
  ::closedir(stream);
  TRY(std::move(read));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<std::vector<std::string>> names_in(const std::string& directory) {
  Fd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened) return Error::last_errno("open " + directory);
  return take_names(std::move(opened));
}

Result<std::vector<std::string>> names_in(int directory) {
  // Reopened instead of duplicated, because a duplicate shares the position.
  Fd opened(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened) return Error::last_errno("open directory");
  return take_names(std::move(opened));
}

}  // namespace stack
