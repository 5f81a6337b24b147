// Rotated log files, plain (<name>.1) or compressed (<name>.1.gz). A compressed file remembers in its gzip
// header which file it was made from, so that a reader in the middle of that file goes on at the right place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"

namespace stack::logs {

// Which file it is, or was before it was compressed.
struct LogIdentity {
  uint64_t inode = 0;
  WallTime modified{};  // of the plain file, at last
  bool compressed = false;
};

// Is `other` the file that is held open as `held`? The kernel gives the inode of a file that is gone to
// another: between two plain files it tells them apart because one is held, else the time has to agree as
// well.
bool is_same_log(const LogIdentity& held, const LogIdentity& other);

// Of `path` or `path`.gz; nullopt where there is neither.
std::optional<LogIdentity> identity_of(const std::string& path);

struct OpenLog {
  Fd file;  // plain text, readable with pread(2)
  LogIdentity identity;
};

// Of a plain file that is open.
LogIdentity identity_of_open(int file);

// Opens `path`, or inflates `path`.gz into an unnamed file. nullopt where there is neither.
Result<std::optional<OpenLog>> open_log(const std::string& path);

// Compresses the rotated files `path`.1 ... `path`.(max_file - 1) that are plain, oldest first. They may be
// rotated meanwhile. Blocks.
Result<> compress_rotated(const std::string& path, int max_file);

}  // namespace stack::logs
