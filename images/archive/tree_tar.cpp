#include "images/archive/tree_tar.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "base/copy_tree.h"
#include "base/directory.h"
#include "base/fd.h"

namespace stack::images {

namespace {

std::string self_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::string type_and_name(const struct stat& info, const std::string& name) {
  return S_ISDIR(info.st_mode) && name != "/" ? name + "/" : name;
}

// Of a process that exited, or a file deleted in the meantime.
bool has_vanished(int error) { return error == ENOENT || error == ESRCH || error == ENXIO; }

// Directories whose contents are made by the kernel on reading, such as /proc and /sys: they are not files of the tree.
bool shows_kernel_state(int fd) {
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) return false;
  switch (static_cast<unsigned long>(info.f_type)) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case BPF_FS_MAGIC:
    case DEVPTS_SUPER_MAGIC: return true;
    default: return false;
  }
}

class TreeWalk {
 public:
  TreeWalk(const ByteSink& sink, const std::set<std::string>& hollow) : writer_(sink), hollow_(hollow) {}

  Result<> run(int fd, const std::string& name) {
    TRY(entry(fd, name, hollow_.contains(".") ? Depth::Hollow : Depth::Top));
    return writer_.finish();
  }

 private:
  enum class Depth { Top, Below, Hollow };

  Result<> entry(int fd, const std::string& name, Depth depth) {
    struct stat info{};
    if (::fstat(fd, &info) != 0) return Error::last_errno("stat " + name);
    if (S_ISSOCK(info.st_mode)) return {};
    if (S_ISDIR(info.st_mode)) return directory(fd, info, name, depth);
    if (info.st_nlink > 1) {
      auto [found, first] = links_.try_emplace({info.st_dev, info.st_ino}, name);
      if (!first) {
        TarEntry link = base_entry('1', info, name);
        link.link_name = found->second;
        return writer_.entry(link);
      }
    }
    return S_ISREG(info.st_mode) ? file(fd, info, name) : special(fd, info, name);
  }

  static TarEntry base_entry(char type, const struct stat& info, const std::string& name) {
    TarEntry entry;
    entry.type = type;
    entry.name = type_and_name(info, name);
    entry.mode = info.st_mode & 07777;
    entry.uid = info.st_uid;
    entry.gid = info.st_gid;
    entry.mtime = info.st_mtim.tv_sec;
    return entry;
  }

  // Only files that can be opened have attributes; unreadable attributes are left out.
  static std::map<std::string, std::string> attributes(int fd) {
    std::map<std::string, std::string> out;
    std::array<char, 4096> names{};
    ssize_t size = ::flistxattr(fd, names.data(), names.size());
    for (ssize_t i = 0; i < size;) {
      std::string name(names.data() + i);
      i += static_cast<ssize_t>(name.size()) + 1;
      if (!is_portable_attribute(name) || name.starts_with("trusted.")) continue;
      std::string value(64 * 1024, '\0');
      ssize_t length = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
      if (length < 0) continue;
      value.resize(static_cast<size_t>(length));
      out[name] = std::move(value);
    }
    return out;
  }

  Result<> directory(int fd, const struct stat& info, const std::string& name, Depth depth) {
    Fd opened(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened && has_vanished(errno)) return {};
    if (!opened) return Error::last_errno("open " + name);
    if (!name.empty()) {
      TarEntry entry = base_entry('5', info, name);
      entry.xattrs = attributes(opened.get());
      TRY(writer_.entry(entry));
    }
    if (depth == Depth::Hollow || shows_kernel_state(opened.get())) return {};
    TRY_ASSIGN(std::vector<std::string> names, names_in(opened.get()));
    std::string prefix = name.empty() || name == "/" ? name : name + "/";
    for (const std::string& child : names) {
      Fd path(::openat(opened.get(), child.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      if (!path && errno == ENOENT) continue;
      if (!path) return Error::last_errno("open " + prefix + child);
      bool is_hollow = depth == Depth::Top && hollow_.contains(child);
      TRY(entry(path.get(), prefix + child, is_hollow ? Depth::Hollow : Depth::Below));
    }
    return {};
  }

  Result<> file(int fd, const struct stat& info, const std::string& name) {
    // Opens the descriptor that was examined: it cannot have become a device or a FIFO.
    Fd opened(::open(self_path(fd).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!opened && has_vanished(errno)) return {};
    if (!opened) return Error::last_errno("open " + name);
    TarEntry entry = base_entry('0', info, name);
    entry.size = info.st_size;
    entry.xattrs = attributes(opened.get());
    TRY(writer_.entry(entry));
    for (int64_t left = info.st_size; left > 0;) {
      size_t want = std::min(buffer_.size(), static_cast<size_t>(left));
      ssize_t n = ::read(opened.get(), buffer_.data(), want);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::last_errno("read " + name);
      if (n == 0) {
        std::fill_n(buffer_.begin(), want, '\0');
        n = static_cast<ssize_t>(want);
      }
      TRY(writer_.content(std::string_view(buffer_.data(), static_cast<size_t>(n))));
      left -= n;
    }
    return {};
  }

  Result<> special(int fd, const struct stat& info, const std::string& name) {
    char type = S_ISLNK(info.st_mode) ? '2' : S_ISCHR(info.st_mode) ? '3' : S_ISBLK(info.st_mode) ? '4' : '6';
    TarEntry entry = base_entry(type, info, name);
    if (type == '2') {
      entry.mode = 0777;
      std::string target(4097, '\0');
      ssize_t n = ::readlinkat(fd, "", target.data(), target.size());
      if (n < 0 && has_vanished(errno)) return {};
      if (n < 0) return Error::last_errno("read link " + name);
      target.resize(static_cast<size_t>(n));
      entry.link_name = std::move(target);
    }
    if (type == '3' || type == '4') {
      entry.device_major = major(info.st_rdev);
      entry.device_minor = minor(info.st_rdev);
    }
    return writer_.entry(entry);
  }

  TarWriter writer_;
  const std::set<std::string>& hollow_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace

Result<> write_tree_tar(int fd, const std::string& name, const ByteSink& sink,
                        const std::set<std::string>& hollow) {
  TreeWalk walk(sink, hollow);
  return walk.run(fd, name);
}

}  // namespace stack::images
