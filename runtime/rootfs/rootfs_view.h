// Access to image layers and root file systems from the host, without visible mounts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime {

// A directory descriptor of the merged layers, read-only: a detached overlay mount (fsmount(2)) that is removed when closed.
// `lower_dirs`: topmost first. For a single directory, the directory itself.
Result<Fd> open_rootfs_view(const std::vector<std::string>& lower_dirs);

// A detached overlay mount with an upper directory, to read and write a stopped container's file system.
Result<Fd> open_overlay(const std::vector<std::string>& lower_dirs, const std::string& upper_dir,
                        const std::string& work_dir, bool volatile_upper = false);

// openat2(2) with RESOLVE_IN_ROOT: symbolic links and ".." stay below `root`; magic links are rejected. Adds O_CLOEXEC.
// NotFound if the path or a part of it does not exist.
Result<Fd> open_in_root(int root, const std::string& path, int flags, mode_t mode = 0);

// The directory `path` below root; creates missing directories (0755, with the given owner), each with mkdirat in an open
// parent, also at the targets of dangling links.
Result<Fd> ensure_directory_in_root(int root, const std::string& path, uid_t uid = 0, gid_t gid = 0,
                                    mode_t mode = 0755);

// An O_PATH descriptor of a non-directory at `path`; creates a missing file (empty) and its parents, also
// at the target of a dangling link.
Result<Fd> ensure_file_in_root(int root, const std::string& path);

// Reads a regular file below root; nullopt if it does not exist. Never blocks on a FIFO.
Result<std::optional<std::string>> read_file_in_root(int root, const std::string& path,
                                                     size_t limit = size_t{4} << 20);

}  // namespace stack::runtime
