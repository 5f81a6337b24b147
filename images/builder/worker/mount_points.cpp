#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/path.h"
#include "base/rooted_path.h"
#include "images/builder/solver/stage.h"

namespace stack::builder {

namespace {

using images::LayerView;
using images::ViewEntry;

bool is_opaque(int directory) {
  char value = 0;
  return ::fgetxattr(directory, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

// A directory that overlay copied up only to hold the mount point: empty and unchanged.
bool is_mere_copy(int directory, const ViewEntry& below) {
  struct stat info{};
  return ::fstat(directory, &info) == 0 && S_ISDIR(below.info.st_mode) &&
         info.st_mode == below.info.st_mode && info.st_uid == below.info.st_uid &&
         info.st_gid == below.info.st_gid && !is_opaque(directory);
}

Result<> remove_empty_parents(const LayerView& below, int upper, std::string path) {
  while (!path.empty()) {
    Result<Fd> directory = open_below_without_links(upper, path, O_RDONLY | O_DIRECTORY);
    if (!directory) return {};
    TRY_ASSIGN(std::optional<ViewEntry> before, below.find(path, false));
    if (before && !is_mere_copy(directory->get(), *before)) return {};
    Result<Fd> parent = open_below_without_links(upper, parent_path(path), O_RDONLY | O_DIRECTORY);
    // rmdir(2) fails for a directory that is not empty, which ends the loop.
    if (!parent || ::unlinkat(parent->get(), last_component(path).c_str(), AT_REMOVEDIR) != 0) return {};
    path = parent_path(path);
  }
  return {};
}

Result<> remove_mount_point(const LayerView& below, int upper, const std::string& target) {
  TRY_ASSIGN(std::optional<ViewEntry> before, below.find(target, true));
  if (before) return {};
  Result<std::string> resolved = below.resolve_for_creation(target);
  if (!resolved) return {};
  Result<Fd> parent = open_below_without_links(upper, parent_path(*resolved), O_RDONLY | O_DIRECTORY);
  if (!parent) return {};
  std::string name = last_component(*resolved);
  struct stat info{};
  if (::fstatat(parent->get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return remove_empty_parents(below, upper, parent_path(*resolved));
  if (S_ISREG(info.st_mode) && info.st_size == 0) {
    if (::unlinkat(parent->get(), name.c_str(), 0) != 0)
      return Error::last_errno("remove mount point " + target);
  } else if (S_ISDIR(info.st_mode)) {
    if (::unlinkat(parent->get(), name.c_str(), AT_REMOVEDIR) != 0)
      return {};  // the step put something there
  } else {
    return {};
  }
  return remove_empty_parents(below, upper, parent_path(*resolved));
}

}  // namespace

Result<> remove_mount_points(const LayerView& below, const std::string& upper,
                             const std::vector<std::string>& targets) {
  TRY_ASSIGN(Fd root, open_file(upper, O_RDONLY | O_DIRECTORY));
  std::vector<std::string> deepest_first = targets;
  std::sort(deepest_first.begin(), deepest_first.end(), std::greater<>());
  for (const std::string& target : deepest_first) TRY(remove_mount_point(below, root.get(), target));
  return {};
}

}  // namespace stack::builder
