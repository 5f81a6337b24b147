// Copying directory trees with everything that belongs to a file: owner, mode, times, extended attributes,
// hard links, holes, device numbers. Symbolic links are copied, never followed.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

struct CopyOptions {
  std::optional<uid_t> uid;  // owner of everything copied, instead of the source's
  std::optional<gid_t> gid;
  // Paths relative to the source ("a/b"); false leaves the entry out, with all below it.
  std::function<bool(std::string_view path, const struct stat& info)> wanted;
  // Overlay's mark of a directory that hides what is below it is kept: the copy is a layer too.
  bool keep_opaque = false;
  // Everything but directories becomes a hard link to the source's file instead of a copy (same file system).
  bool link_files = false;
  // The attributes of the top directory itself are copied too.
  bool copy_root_attributes = true;
};

// Copies what is in the directory `from` into the directory `to`. Existing directories are merged; an
// existing non-directory is an error (EEXIST). Sockets are left out. Overlay's own attributes
// (trusted.overlay.*, user.overlay.*) are not copied. Stops at the first error, named with its path; what was
// copied stays.
Result<> copy_tree(int from, int to, const CopyOptions& options = {});

// The bytes of one regular file into another, empty one: reflink, copy_file_range(2) or read and write;
// holes stay holes. `size` is the source's.
Result<> copy_file_bytes(int from, int to, int64_t size);

// Extended attributes of an open file or directory, without overlay's own. What the target's file system does
// not support is left out silently.
Result<> copy_extended_attributes(int from, int to);

// Does this attribute belong to the content of a file (as opposed to overlayfs' or the security module's
// book-keeping)?
bool is_portable_attribute(std::string_view name);

// Times of `info` on the entry `name` of `directory`, links not followed.
Result<> set_times_at(int directory, const char* name, const struct stat& info);

}  // namespace stack
