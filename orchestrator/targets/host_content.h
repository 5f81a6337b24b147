// The contents of a bind source at the time of the conversion.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace stack::targets {

enum class HostKind { Missing, File, Directory, Special };

struct HostFile {
  std::string path;  // relative to the source; "" if the source itself is the file
  std::string bytes;
  uint32_t mode = 0644;
};

struct HostContent {
  HostKind kind = HostKind::Missing;
  std::vector<HostFile> files;  // sorted by path; links are followed inside the source
  bool too_large = false;       // more than the limit; `files` is incomplete
  std::string unreadable;       // why a file cannot be read, or ""
};

// Reads a bind source: at most `limit` bytes.
using HostReader = std::function<HostContent(const std::string& path, uint64_t limit)>;
HostContent read_host(const std::string& path, uint64_t limit);

}  // namespace stack::targets
