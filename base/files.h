// Whole-file and directory-tree operations on host paths we own (state and run directories).
// Never use these for paths inside a container's root filesystem: those are resolved with
// openat2(RESOLVE_IN_ROOT) in runtime/.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace stack {

Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0644);  // adds O_CLOEXEC
Result<std::string> read_file(const std::string& path, size_t limit = size_t{64} << 20);
// Truncates and writes in place; for kernel control files and files without concurrent readers.
Result<> write_file(const std::string& path, std::string_view contents, mode_t mode = 0644);
// Writes to a temporary file and renames it over `path`, so that readers see either the old or the new contents.
Result<> write_file_atomic(const std::string& path, std::string_view contents, mode_t mode = 0644);
// Whether a file that a user named may be replaced by a rename: it is absent or a regular file. /dev/null, a pipe, or the target of a
// link must be written into.
bool is_replaceable(const std::string& path);
// write_file_atomic() or write_file() to the file that `path` leads to, by is_replaceable().
Result<> write_output_file(const std::string& path, std::string_view contents, mode_t mode = 0644);
bool path_exists(const std::string& path);
bool is_directory(const std::string& path);
// mkdir -p; does not change existing directories. The mode applies to the last component.
Result<> ensure_directory(const std::string& path, mode_t mode = 0755);
// rm -rf without following symbolic links. Continues after failures and returns the first one.
// Idempotent. Unmount file systems below the path first.
Result<> remove_tree(const std::string& path);
// Lexical clean-up of an absolute or relative path: "." and ".." and double slashes removed.
std::string clean_path(std::string_view path);
// `path` if absolute, otherwise base + "/" + path; cleaned.
std::string absolute_path(std::string_view base, std::string_view path);
std::string base_name(std::string_view path);
std::string directory_name(std::string_view path);

// An exclusive flock(2) on a lock file, released on destruction.
class FileLock {
 public:
  // Returns nullopt if another process holds the lock.
  static Result<std::optional<FileLock>> try_acquire(const std::string& path);
  // Waits for the lock.
  static Result<FileLock> acquire(const std::string& path);
  int fd() const { return fd_.get(); }

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// A directory created by mkdtemp(3); removed with its contents on destruction unless released.
class TemporaryDirectory {
 public:
  // `prefix` is a full path prefix; six random characters are appended.
  static Result<TemporaryDirectory> create(const std::string& prefix);
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }
  std::string release() { return std::exchange(path_, {}); }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace stack
