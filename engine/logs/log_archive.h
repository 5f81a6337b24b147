// Rotated log files, plain (<name>.1) or compressed (<name>.1.gz). The gzip header of a compressed file identifies its
// plain file, so that a reader of that file can continue at the right offset.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"

namespace stack::logs {

// The identity of a log file before compression.
struct LogIdentity {
  uint64_t inode = 0;
  WallTime modified{};  // last change of the plain file
  bool compressed = false;
};

// Whether `other` is the file open as `held`. The kernel may reuse the inode of a deleted file. An open plain file keeps
// its inode; otherwise the times must match as well.
bool is_same_log(const LogIdentity& held, const LogIdentity& other);

// The identity of `path` or `path`.gz; nullopt if neither exists.
std::optional<LogIdentity> identity_of(const std::string& path);

struct OpenLog {
  Fd file;  // plain text, readable with pread(2)
  LogIdentity identity;
};

// The identity of an open plain file.
LogIdentity identity_of_open(int file);

// Opens `path`, or inflates `path`.gz into an unnamed file; nullopt if neither exists.
Result<std::optional<OpenLog>> open_log(const std::string& path);

// Compresses the plain rotated files `path`.1 ... `path`.(max_file - 1), oldest first. Tolerates concurrent rotation.
// Blocks.
Result<> compress_rotated(const std::string& path, int max_file);

}  // namespace stack::logs
