#include "runtime/rootfs/rootfs_view.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "base/text.h"
#include "runtime/rootfs/overlay.h"

namespace stack::runtime {

namespace {

Result<Fd> open_how_in_root(int root, const std::string& path, uint64_t flags, mode_t mode,
                            uint64_t resolve) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  const char* name = path.empty() ? "." : path.c_str();
  // EAGAIN: a rename raced with ".." resolution; retry (openat2(2)).
  for (int attempt = 0; attempt < 64; ++attempt) {
    long fd = ::syscall(SYS_openat2, root, name, &how, sizeof(how));
    if (fd >= 0) return Fd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  Error error = Error::last_errno("open " + path);
  if (error.code() == ENOENT || error.code() == ENOTDIR) return Error(ErrorKind::NotFound, error.text());
  return error;
}

// The first component of `path` (without leading slashes), and the rest.
std::pair<std::string_view, std::string_view> split_first(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {path, {}};
  std::string_view rest = path.substr(slash);
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return {path.substr(0, slash), rest};
}

constexpr int kDirectory = O_PATH | O_DIRECTORY;

// Opens a newly created directory in `parent` and sets its owner.
Result<Fd> own_directory(const Fd& parent, const std::string& name, uid_t uid, gid_t gid) {
  bool owned = uid != 0 || gid != 0;
  if (owned && ::fchownat(parent.get(), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::last_errno("chown " + name);
  return open_how_in_root(parent.get(), name, kDirectory, 0,
                          RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

}  // namespace

Result<Fd> open_in_root(int root, const std::string& path, int flags, mode_t mode) {
  return open_how_in_root(root, path, static_cast<uint64_t>(static_cast<unsigned>(flags)), mode,
                          RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Result<Fd> ensure_directory_in_root(int root, const std::string& path, uid_t uid, gid_t gid, mode_t mode) {
  Result<Fd> whole = open_in_root(root, path, kDirectory);
  if (whole || whole.error().kind() != ErrorKind::NotFound) return whole;
  // Usually only the last component is missing.
  if (size_t slash = path.rfind('/'); slash != std::string::npos && slash + 1 < path.size()) {
    std::string name = path.substr(slash + 1);
    Result<Fd> parent = open_in_root(root, path.substr(0, slash + 1), kDirectory);
    bool plain = name != "." && name != "..";
    if (parent && plain && ::mkdirat(parent->get(), name.c_str(), mode) == 0)
      return own_directory(*parent, name, uid, gid);
  }
  // Walks down: resolves existing components from the root each time, so that links are followed inside it, and creates
  // missing components in the open directory.
  std::string done;
  std::string_view rest = path;
  TRY_ASSIGN(Fd parent, open_in_root(root, "/", kDirectory));
  while (!rest.empty()) {
    auto [name, remaining] = split_first(rest);
    rest = remaining;
    if (name.empty() || name == ".") continue;
    done += "/";
    done += name;
    Result<Fd> next = open_in_root(root, done, kDirectory);
    if (!next && next.error().kind() == ErrorKind::NotFound) {
      std::string part(name);
      if (name == "..") return invalid("create directory " + path + ": missing parts before \"..\"");
      if (::mkdirat(parent.get(), part.c_str(), rest.empty() ? mode : 0755) != 0) {
        if (errno != EEXIST) return Error::last_errno("create directory " + done);
        // A dangling link, or created concurrently.
      } else if (uid != 0 || gid != 0) {
        if (::fchownat(parent.get(), part.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
          return Error::last_errno("chown " + done);
      }
      next = open_how_in_root(parent.get(), part, kDirectory, 0,
                              RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    }
    if (!next) return std::move(next).in("create directory " + path);
    parent = std::move(*next);
  }
  return parent;
}

Result<Fd> ensure_file_in_root(int root, const std::string& path) {
  Result<Fd> existing = open_in_root(root, path, O_PATH);
  if (existing || existing.error().kind() != ErrorKind::NotFound) return existing;
  size_t slash = path.rfind('/');
  std::string parent_path = slash == std::string::npos ? "/" : path.substr(0, slash + 1);
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return invalid("not a file name: " + path);
  TRY_ASSIGN(Fd parent, ensure_directory_in_root(root, parent_path));
  Fd made(::openat(parent.get(), name.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY | O_CLOEXEC, 0644));
  // A dangling link: the kernel creates its target inside the root.
  if (!made && errno == EEXIST) return open_in_root(root, path, O_CREAT | O_RDONLY | O_NONBLOCK, 0644);
  if (!made) return Error::last_errno("create " + path);
  return made;
}

Result<std::optional<std::string>> read_file_in_root(int root, const std::string& path, size_t limit) {
  Result<Fd> fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd && fd.error().kind() == ErrorKind::NotFound) return std::optional<std::string>();
  if (!fd) return std::move(fd).error();
  struct stat info{};
  if (::fstat(fd->get(), &info) != 0) return Error::last_errno("stat " + path);
  if (!S_ISREG(info.st_mode)) return invalid(path + " is not a regular file");
  TRY_ASSIGN(std::string text, read_all(fd->get(), limit).in(path));
  return std::optional<std::string>(std::move(text));
}

Result<Fd> open_rootfs_view(const std::vector<std::string>& lower_dirs) {
  if (lower_dirs.empty()) return invalid("no layer given");
  if (lower_dirs.size() == 1) {
    Fd fd(::open(lower_dirs.front().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return Error::last_errno("open layer " + lower_dirs.front());
    return fd;
  }
  return open_overlay(lower_dirs, "", "");
}

Result<Fd> open_overlay(const std::vector<std::string>& lower_dirs, const std::string& upper_dir,
                        const std::string& work_dir, bool volatile_upper) {
  OverlayLayers layers{lower_dirs, upper_dir, work_dir, volatile_upper};
  Result<Fd> mounted = mount_overlay_detached(layers);
  if (mounted || mounted.error().kind() != ErrorKind::Unsupported) return mounted;
  // Older kernels: short paths relative to the working directory of a separate thread.
  Result<Fd> fallback = Error("not run");
  std::thread worker([&] { fallback = mount_overlay_short_paths(layers); });
  worker.join();
  return fallback;
}

}  // namespace stack::runtime
