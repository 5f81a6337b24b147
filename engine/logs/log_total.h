// The bound of all containers' log files together (setting `log.max_total`).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stack::logs {

// Files under <containers>/<id>/: "<id>-json.log" is being written, "<id>-json.log.N" and "...N.gz" are rotated.
struct LogFileSize {
  std::string path;
  int64_t bytes = 0;     // on disk
  int64_t modified = 0;  // nanoseconds since 1970
  bool rotated = false;
};

std::vector<LogFileSize> list_log_files(const std::string& containers);

// The rotated files to remove, oldest first, so that the rest is at most `limit`. Files that are being written stay, so the
// rest may be larger.
std::vector<std::string> surplus_logs(std::vector<LogFileSize> files, int64_t limit);

// Removes them; returns their number. Blocks.
size_t trim_logs(const std::string& containers, int64_t limit);

}  // namespace stack::logs
