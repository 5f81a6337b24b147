#include "base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <vector>

namespace stack {

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return Error::last_errno("open " + path);
  return Fd(fd);
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  TRY_ASSIGN(Fd fd, open_file(path, O_RDONLY));
  return read_all(fd.get(), limit).in("read " + path);
}

Result<> write_file(const std::string& path, std::string_view contents, mode_t mode) {
  TRY_ASSIGN(Fd fd, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  return write_all(fd.get(), contents).in("write " + path);
}

bool is_replaceable(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode);
}

Result<> write_output_file(const std::string& path, std::string_view contents, mode_t mode) {
  std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  std::string place = real ? real.get() : path;
  return is_replaceable(place) ? write_file_atomic(place, contents, mode) : write_file(place, contents, mode);
}

Result<> write_file_atomic(const std::string& path, std::string_view contents, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return Error::last_errno("create " + temporary);
  Result<> written = write_all(fd.get(), contents);
  if (written && ::fchmod(fd.get(), mode) != 0) written = Error::last_errno("chmod");
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = Error::last_errno("rename");
  if (!written) ::unlink(temporary.c_str());
  return std::move(written).in("write " + path);
}

bool path_exists(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

bool is_directory(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<> ensure_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return {};
  if (errno == EEXIST && is_directory(path)) return {};
  if (errno == ENOENT) {
    std::string parent = directory_name(path);
    if (parent != path && !parent.empty()) {
      TRY(ensure_directory(parent, 0755));
      if (::mkdir(path.c_str(), mode) == 0 || (errno == EEXIST && is_directory(path))) return {};
    }
  }
  return Error::last_errno("create directory " + path);
}

namespace {

void remember(Result<>& first, Result<> next) {
  if (first && !next) first = std::move(next);
}

Result<> remove_at(int directory, const char* name);

Result<> remove_children(Fd fd) {
  DIR* stream = ::fdopendir(fd.get());
  if (stream == nullptr) return Error::last_errno("open directory");
  int directory = fd.release();
  Result<> first;
  while (dirent* entry = ::readdir(stream)) {
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    remember(first, remove_at(directory, entry->d_name));
  }
  ::closedir(stream);
  return first;
}

Result<> remove_at(int directory, const char* name) {
  if (::unlinkat(directory, name, 0) == 0 || errno == ENOENT) return {};
  int reason = errno;
  Fd child(::openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!child) return Error::from_errno(std::string("remove ") + name, reason);
  Result<> children = remove_children(std::move(child));
  if (::unlinkat(directory, name, AT_REMOVEDIR) != 0 && errno != ENOENT && children)
    return Error::last_errno(std::string("remove ") + name);
  return children;
}

}  // namespace

Result<> remove_tree(const std::string& path) { return remove_at(AT_FDCWD, path.c_str()).in(path); }

std::string clean_path(std::string_view path) {
  bool absolute = path.starts_with('/');
  std::vector<std::string_view> parts;
  size_t i = 0;
  while (i < path.size()) {
    size_t end = path.find('/', i);
    if (end == std::string_view::npos) end = path.size();
    std::string_view part = path.substr(i, end - i);
    i = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty() && parts.back() != "..") {
        parts.pop_back();
        continue;
      }
      if (absolute) continue;
    }
    parts.push_back(part);
  }
  std::string out = absolute ? "/" : "";
  for (size_t n = 0; n < parts.size(); ++n) {
    if (n > 0) out += '/';
    out += parts[n];
  }
  return out.empty() ? "." : out;
}

std::string absolute_path(std::string_view base, std::string_view path) {
  if (path.starts_with('/')) return clean_path(path);
  return clean_path(std::string(base) + "/" + std::string(path));
}

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || path.size() == 1) return std::string(path);
  return std::string(path.substr(slash + 1));
}

std::string directory_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

Result<std::optional<FileLock>> FileLock::try_acquire(const std::string& path) {
  TRY_ASSIGN(Fd fd, open_file(path, O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return std::optional<FileLock>(FileLock(std::move(fd)));
  if (errno == EWOULDBLOCK) return std::optional<FileLock>();
  return Error::last_errno("lock " + path);
}

Result<FileLock> FileLock::acquire(const std::string& path) {
  TRY_ASSIGN(Fd fd, open_file(path, O_RDWR | O_CREAT, 0600));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return Error::last_errno("lock " + path);
  }
  return FileLock(std::move(fd));
}

Result<TemporaryDirectory> TemporaryDirectory::create(const std::string& prefix) {
  std::string path = prefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return Error::last_errno("create directory " + path);
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  if (this != &other) {
    if (!path_.empty()) (void)remove_tree(path_);
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
  if (!path_.empty()) (void)remove_tree(path_);
}

}  // namespace stack
