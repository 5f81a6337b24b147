#include "runtime/rootfs/rootfs_view.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <optional>
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

namespace {

// Like the kernel's limit in path_resolution(7).
constexpr int kMostLinks = 40;

// The path that a dangling link in `folder` leads to; `folder` is the path of `parent` from the root. nullopt if `name` is
// not a link.
std::optional<std::string> behind_link(int parent, const std::string& folder, const std::string& name) {
  std::array<char, PATH_MAX> target{};
  ssize_t n = ::readlinkat(parent, name.c_str(), target.data(), target.size());
  if (n <= 0 || static_cast<size_t>(n) == target.size()) return std::nullopt;
  std::string text(target.data(), static_cast<size_t>(n));
  return text.starts_with('/') ? text : folder + "/" + text;
}

struct DirectoryRequest {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t mode = 0755;
};

Result<Fd> ensure_directory_behind(int root, const std::string& path, const DirectoryRequest& wanted, int links) {
  const auto& [uid, gid, mode] = wanted;
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
    std::string folder = done;
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
      std::optional<std::string> target;
      if (!next && links > 0) target = behind_link(parent.get(), folder, part);
      if (target) return ensure_directory_behind(root, *target + "/" + std::string(rest), wanted, links - 1);
    }
    if (!next) return std::move(next).in("create directory " + path);
    parent = std::move(*next);
  }
  return parent;
}

Result<Fd> ensure_file_behind(int root, const std::string& path, int links) {
  Result<Fd> existing = open_in_root(root, path, O_PATH);
  if (existing || existing.error().kind() != ErrorKind::NotFound) return existing;
  size_t slash = path.rfind('/');
  std::string parent_path = slash == std::string::npos ? "/" : path.substr(0, slash + 1);
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return invalid("not a file name: " + path);
  TRY_ASSIGN(Fd parent, ensure_directory_behind(root, parent_path, {}, links));
  Fd made(::openat(parent.get(), name.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY | O_CLOEXEC, 0644));
  if (made) return made;
  Error error = Error::last_errno("create " + path);
  std::optional<std::string> target;
  if (links > 0) target = behind_link(parent.get(), parent_path, name);
  if (!target) return error;
  return ensure_file_behind(root, *target, links - 1);
}

}  // namespace

Result<Fd> ensure_directory_in_root(int root, const std::string& path, uid_t uid, gid_t gid, mode_t mode) {
  return ensure_directory_behind(root, path, {uid, gid, mode}, kMostLinks);
}

Result<Fd> ensure_file_in_root(int root, const std::string& path) {
  return ensure_file_behind(root, path, kMostLinks);
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
