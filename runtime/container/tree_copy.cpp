#include "runtime/container/tree_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <string>

#include "base/fd.h"

namespace stack::runtime {

namespace {

Result<> copy_entry(int from, int to, const char* name, dev_t device);

Result<> copy_bytes(int in, int out) {
  for (;;) {
    ssize_t n = ::sendfile(out, in, nullptr, size_t{1} << 24);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::last_errno("copy");
    if (n == 0) return {};
  }
}

Result<> copy_attributes(int to, const char* name, const struct stat& info) {
  if (::fchownat(to, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::last_errno("chown");
  if (!S_ISLNK(info.st_mode) && ::fchmodat(to, name, info.st_mode & 07777U, 0) != 0)
    return Error::last_errno("chmod");
  std::array<timespec, 2> times{info.st_atim, info.st_mtim};
  (void)::utimensat(to, name, times.data(), AT_SYMLINK_NOFOLLOW);
  return {};
}

Result<> copy_children(Fd from, int to, dev_t device) {
  DIR* stream = ::fdopendir(from.get());
  if (stream == nullptr) return Error::last_errno("open directory");
  int directory = from.release();
  Result<> result;
  while (dirent* entry = ::readdir(stream)) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    result = copy_entry(directory, to, name.c_str(), device).in(name);
    if (!result) break;
  }
  ::closedir(stream);
  return result;
}

Result<> copy_directory(int from, int to, const char* name, const struct stat& info, dev_t device) {
  if (::mkdirat(to, name, 0700) != 0 && errno != EEXIST) return Error::last_errno("mkdir");
  if (info.st_dev != device) return {};
  Fd source(::openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Fd target(::openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!source || !target) return Error::last_errno("open directory");
  return copy_children(std::move(source), target.get(), device);
}

Result<> copy_file(int from, int to, const char* name) {
  Fd source(::openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!source) return Error::last_errno("open");
  Fd target(::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target) return Error::last_errno("create");
  return copy_bytes(source.get(), target.get());
}

Result<> copy_link(int from, int to, const char* name) {
  std::array<char, PATH_MAX + 1> text{};
  if (::readlinkat(from, name, text.data(), PATH_MAX) < 0) return Error::last_errno("readlink");
  if (::symlinkat(text.data(), to, name) != 0) return Error::last_errno("symlink");
  return {};
}

Result<> copy_entry(int from, int to, const char* name, dev_t device) {
  struct stat info{};
  if (::fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return Error::last_errno("stat");
  if (S_ISDIR(info.st_mode)) {
    TRY(copy_directory(from, to, name, info, device));
  } else if (S_ISREG(info.st_mode)) {
    TRY(copy_file(from, to, name));
  } else if (S_ISLNK(info.st_mode)) {
    TRY(copy_link(from, to, name));
  } else if (::mknodat(to, name, info.st_mode, info.st_rdev) != 0) {
    return Error::last_errno("mknod");
  }
  return copy_attributes(to, name, info);
}

}  // namespace

Result<> copy_directory_contents(int from, int to) {
  struct stat info{};
  if (::fstat(from, &info) != 0) return Error::last_errno("stat");
  Fd source(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Fd target(::openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!source || !target) return Error::last_errno("open directory");
  return copy_children(std::move(source), target.get(), info.st_dev);
}

}  // namespace stack::runtime
