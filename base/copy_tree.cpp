#include "base/copy_tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/directory.h"
#include "base/fd.h"

namespace stack {

namespace {

Result<> copy_range(int from, int to, off_t start, off_t end) {
  off_t in = start;
  off_t out = start;
  while (in < end) {
    ssize_t n = ::copy_file_range(from, &in, to, &out, static_cast<size_t>(end - in), 0);
    if (n > 0) continue;
    if (n == 0) return {};  // the source was truncated meanwhile
    if (errno == EINTR) continue;
    if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS && errno != EBADF)
      return Error::last_errno("copy");
    break;
  }
  std::vector<char> buffer(static_cast<size_t>(std::min<off_t>(end - in, 256 * 1024)));
  while (in < end) {
    size_t want = std::min(buffer.size(), static_cast<size_t>(end - in));
    ssize_t n = ::pread(from, buffer.data(), want, in);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::last_errno("read");
    if (n == 0) return {};
    for (ssize_t done = 0; done < n;) {
      ssize_t written = ::pwrite(to, buffer.data() + done, static_cast<size_t>(n - done), in + done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Error::last_errno("write");
      done += written;
    }
    in += n;
  }
  return {};
}

// Small files: two system calls.
Result<bool> copy_small(int from, int to, int64_t size) {
  char buffer[32 * 1024];
  if (size > static_cast<int64_t>(sizeof buffer)) return false;
  ssize_t n = ::read(from, buffer, sizeof buffer);
  if (n < 0) return Error::last_errno("read");
  if (static_cast<size_t>(n) == sizeof buffer) return false;  // it grew
  if (n > 0) TRY(write_all(to, std::string_view(buffer, static_cast<size_t>(n))));
  return true;
}

Result<> set_attribute(int to, const std::string& name, const std::string& value) {
  if (::fsetxattr(to, name.c_str(), value.data(), value.size(), 0) == 0) return {};
  if (errno == ENOTSUP || (errno == EPERM && !name.starts_with("security.capability"))) return {};
  return Error::last_errno("set attribute " + name);
}

std::vector<std::string> attribute_names(const std::vector<char>& list) {
  std::vector<std::string> names;
  for (size_t i = 0; i < list.size();) {
    names.emplace_back(list.data() + i);
    i += names.back().size() + 1;
  }
  return names;
}

class TreeCopy {
 public:
  TreeCopy(int to_root, const CopyOptions& options) : to_root_(to_root), options_(options) {}

  Result<> directory(int from, int to, const std::string& path, const struct stat& info, bool attributes) {
    TRY_ASSIGN(std::vector<std::string> names, names_in(from));
    for (const std::string& name : names) {
      std::string child = path.empty() ? name : path + "/" + name;
      TRY(entry(from, to, name, child));
    }
    if (!attributes) return {};
    TRY(copy_extended_attributes(from, to).in(path));
    if (options_.keep_opaque) TRY(copy_opaque_mark(from, to).in(path));
    if (::fchown(to, owner(info), group(info)) != 0) return Error::last_errno(path + ": chown");
    if (::fchmod(to, info.st_mode & 07777) != 0) return Error::last_errno(path + ": chmod");
    timespec times[2] = {info.st_atim, info.st_mtim};
    if (::futimens(to, times) != 0) return Error::last_errno(path + ": set times");
    return {};
  }

 private:
  uid_t owner(const struct stat& info) const { return options_.uid.value_or(info.st_uid); }
  gid_t group(const struct stat& info) const { return options_.gid.value_or(info.st_gid); }

  static Result<> copy_opaque_mark(int from, int to) {
    for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
      char value = 0;
      if (::fgetxattr(from, name, &value, 1) != 1 || value != 'y') continue;
      if (::fsetxattr(to, name, &value, 1, 0) != 0)
        return Error::last_errno("set attribute " + std::string(name));
    }
    return {};
  }

  Result<> entry(int from, int to, const std::string& name, const std::string& path) {
    struct stat info{};
    if (::fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return {};  // removed since it was listed
      return Error::last_errno(path);
    }
    if (options_.wanted && !options_.wanted(path, info)) return {};
    if (S_ISSOCK(info.st_mode)) return {};
    if (S_ISDIR(info.st_mode)) return subdirectory(from, to, name, path, info);
    if (options_.link_files) {
      if (::linkat(from, name.c_str(), to, name.c_str(), 0) == 0) return {};
      return Error::last_errno("link " + path);
    }
    if (info.st_nlink > 1) {
      auto [found, first] = links_.try_emplace({info.st_dev, info.st_ino}, path);
      if (!first) {
        if (::linkat(to_root_, found->second.c_str(), to, name.c_str(), 0) == 0) return {};
        return Error::last_errno("link " + path);
      }
    }
    if (S_ISREG(info.st_mode)) return file(from, to, name, path, info);
    return special(from, to, name, path, info);
  }

  Result<> subdirectory(int from, int to, const std::string& name, const std::string& path,
                        const struct stat& info) {
    Fd source(::openat(from, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!source) return Error::last_errno(path);
    bool made = ::mkdirat(to, name.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) return Error::last_errno("create directory " + path);
    Fd target(::openat(to, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!target) return Error::last_errno("create directory " + path);
    return directory(source.get(), target.get(), path, info, true);
  }

  Result<> file(int from, int to, const std::string& name, const std::string& path, const struct stat& info) {
    Fd source(::openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC));
    if (!source && errno == EPERM)  // only the owner may use O_NOATIME
      source.reset(::openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!source) return Error::last_errno("open " + path);
    Fd target(::openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!target) return Error::last_errno("create " + path);
    TRY(copy_file_bytes(source.get(), target.get(), info.st_size).in(path));
    if (::fchown(target.get(), owner(info), group(info)) != 0) return Error::last_errno(path + ": chown");
    // Must follow chown, which clears capabilities and set-id bits.
    TRY(copy_extended_attributes(source.get(), target.get()).in(path));
    if (::fchmod(target.get(), info.st_mode & 07777) != 0) return Error::last_errno(path + ": chmod");
    timespec times[2] = {info.st_atim, info.st_mtim};
    if (::futimens(target.get(), times) != 0) return Error::last_errno(path + ": set times");
    return {};
  }

  Result<> special(int from, int to, const std::string& name, const std::string& path,
                   const struct stat& info) {
    if (S_ISLNK(info.st_mode)) {
      std::string link(static_cast<size_t>(info.st_size) + 1, '\0');
      ssize_t n = ::readlinkat(from, name.c_str(), link.data(), link.size());
      if (n < 0 || static_cast<size_t>(n) >= link.size()) return Error::last_errno("read link " + path);
      link.resize(static_cast<size_t>(n));
      if (::symlinkat(link.c_str(), to, name.c_str()) != 0) return Error::last_errno("create link " + path);
    } else if (::mknodat(to, name.c_str(), info.st_mode & (S_IFMT | 07777), info.st_rdev) != 0) {
      return Error::last_errno("create " + path);
    }
    if (::fchownat(to, name.c_str(), owner(info), group(info), AT_SYMLINK_NOFOLLOW) != 0)
      return Error::last_errno(path + ": chown");
    if (!S_ISLNK(info.st_mode) && ::fchmodat(to, name.c_str(), info.st_mode & 07777, 0) != 0)
      return Error::last_errno(path + ": chmod");
    return set_times_at(to, name.c_str(), info).in(path);
  }

  int to_root_;
  const CopyOptions& options_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
};

}  // namespace

bool is_portable_attribute(std::string_view name) {
  if (name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.")) return false;
  if (name.starts_with("security.")) return name == "security.capability";
  return !name.starts_with("system.nfs4");
}

Result<std::map<std::string, std::string>> portable_attributes(int fd) {
  std::map<std::string, std::string> found;
  char small[1024];
  ssize_t size = ::flistxattr(fd, small, sizeof small);
  if (size == 0 || (size < 0 && errno == ENOTSUP)) return found;
  std::vector<char> list(small, small + std::max<ssize_t>(size, 0));
  if (size < 0 && errno == ERANGE) {
    list.resize(64 * 1024);
    size = ::flistxattr(fd, list.data(), list.size());
    list.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  }
  if (size < 0) return Error::last_errno("list attributes");
  for (const std::string& name : attribute_names(list)) {
    if (!is_portable_attribute(name)) continue;
    std::string value(64 * 1024, '\0');
    ssize_t n = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
    if (n < 0) return Error::last_errno("read attribute " + name);
    value.resize(static_cast<size_t>(n));
    found[name] = std::move(value);
  }
  return found;
}

Result<> copy_extended_attributes(int from, int to) {
  TRY_ASSIGN(auto attributes, portable_attributes(from));
  for (const auto& [name, value] : attributes) TRY(set_attribute(to, name, value));
  return {};
}

Result<> copy_file_bytes(int from, int to, int64_t size) {
  if (size == 0) return {};
  TRY_ASSIGN(bool done, copy_small(from, to, size));
  if (done) return {};
  if (::ftruncate(to, 0) != 0 || ::lseek(to, 0, SEEK_SET) < 0) return Error::last_errno("truncate");
  if (::ioctl(to, FICLONE, from) == 0) return {};
  off_t position = 0;
  while (position < size) {
    off_t start = ::lseek(from, position, SEEK_DATA);
    if (start < 0 && errno == ENXIO) break;  // only a hole remains
    if (start < 0) start = position;
    off_t end = ::lseek(from, start, SEEK_HOLE);
    if (end < 0) end = size;
    TRY(copy_range(from, to, start, end));
    position = end;
  }
  if (::ftruncate(to, size) != 0) return Error::last_errno("truncate");
  return {};
}

Result<> set_times_at(int directory, const char* name, const struct stat& info) {
  timespec times[2] = {info.st_atim, info.st_mtim};
  if (::utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW) != 0) return Error::last_errno("set times");
  return {};
}

Result<> copy_tree(int from, int to, const CopyOptions& options) {
  struct stat info{};
  if (::fstat(from, &info) != 0) return Error::last_errno("stat");
  TreeCopy copy(to, options);
  return copy.directory(from, to, "", info, options.copy_root_attributes);
}

}  // namespace stack
