// Copies directory trees with all file metadata: owner, mode, times, extended attributes, hard links, holes, device
// numbers. Copies symbolic links without following them.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

struct CopyOptions {
  std::optional<uid_t> uid;  // owner of all copied files, instead of the source's
  std::optional<gid_t> gid;
  // Called with paths relative to the source ("a/b"); false skips the entry and everything below it.
  std::function<bool(std::string_view path, const struct stat& info)> wanted;
  // Keeps overlay's opaque marks, for copies that are layers.
  bool keep_opaque = false;
  // Creates hard links to the source's files instead of copies (same file system).
  bool link_files = false;
  // Copies the attributes of the top directory as well.
  bool copy_root_attributes = true;
};

// Copies the contents of the directory `from` into the directory `to`. Merges existing directories; an existing
// non-directory is an error (EEXIST). Skips sockets and overlay's attributes (trusted.overlay.*, user.overlay.*). Stops at
// the first error, which contains the path, and keeps the files copied so far.
Result<> copy_tree(int from, int to, const CopyOptions& options = {});

// Copies the bytes of a regular file into an empty file with a reflink, copy_file_range(2), or read and write; preserves
// holes. `size` is the size of the source.
Result<> copy_file_bytes(int from, int to, int64_t size);

// Copies the extended attributes of an open file or directory, except overlay's. Silently skips attributes that the target's
// file system does not support.
Result<> copy_extended_attributes(int from, int to);

// The portable attributes of an open file or directory, by name; none if its file system has no attributes.
Result<std::map<std::string, std::string>> portable_attributes(int fd);

// Whether the attribute belongs to the file's content, not to overlayfs or the security module.
bool is_portable_attribute(std::string_view name);

// Sets the times of `info` on the entry `name` in `directory`, without following links.
Result<> set_times_at(int directory, const char* name, const struct stat& info);

}  // namespace stack
