// Masked and read-only paths.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/container/mount_calls.h"
#include "runtime/container/setup.h"
#include "runtime/rootfs_view.h"

namespace stack::runtime {

namespace {

// What hides files and directories: the host's null device and one empty read-only directory, made once each.
class Covers {
 public:
  // A detached mount to put over a file or a directory.
  Result<Fd> take(bool directory) { return directory ? take_directory() : take_file(); }

 private:
  Result<Fd> take_file() {
    if (!null_) {
      null_ = Fd(::open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC));
      struct stat info{};
      if (!null_ || ::fstat(null_.get(), &info) != 0) return Error::last_errno("open /dev/null");
      if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(1, 3))
        return invalid("/dev/null is not the null device");
    }
    return clone_mount(null_.get(), false);
  }

  Result<Fd> take_directory() {
    if (!empty_) {
      TRY_ASSIGN(empty_, mount_new("tmpfs", "", {"mode=755", "nr_inodes=2", "size=4k"}, MOUNT_ATTR_RDONLY));
      return empty_.duplicate();
    }
    // The first one is attached by now: only attached mounts can be cloned before Linux 6.15.
    return clone_mount(empty_.get(), false);
  }

  Fd null_;
  Fd empty_;
};

Result<std::optional<Fd>> find_path(Setup& setup, const std::string& path) {
  setup.object = path;
  Result<Fd> fd = open_in_root(setup.root.get(), path, O_PATH);
  if (fd) return std::optional<Fd>(std::move(*fd));
  if (fd.error().kind() == ErrorKind::NotFound || fd.error().code() == EACCES) return std::optional<Fd>();
  return std::move(fd).error();
}

Result<> mask(Setup& setup, Covers& covers, const std::string& path) {
  TRY_ASSIGN(std::optional<Fd> target, find_path(setup, path));
  if (!target) return {};
  struct stat info{};
  if (::fstat(target->get(), &info) != 0) return Error::last_errno("stat " + path);
  TRY_ASSIGN(Fd cover, covers.take(S_ISDIR(info.st_mode)).in(path));
  return attach_mount(cover.get(), target->get()).in(path);
}

Result<> make_readonly(Setup& setup, const std::string& path) {
  TRY_ASSIGN(std::optional<Fd> target, find_path(setup, path));
  if (!target) return {};
  TRY_ASSIGN(Fd copy, clone_mount(target->get(), true).in(path));
  TRY(change_mount(copy.get(), MOUNT_ATTR_RDONLY, 0, true).in(path));
  return attach_mount(copy.get(), target->get()).in(path);
}

}  // namespace

Result<> hide_paths(Setup& setup) {
  for (const std::string& path : setup.plan.spec.readonly_paths) TRY(make_readonly(setup, path));
  Covers covers;
  for (const std::string& path : setup.plan.spec.masked_paths) TRY(mask(setup, covers, path));
  return {};
}

}  // namespace stack::runtime
