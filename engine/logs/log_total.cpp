#include "engine/logs/log_total.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace stack::logs {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLogSuffix = "-json.log";
constexpr int64_t kBytesPerBlock = 512;  // of st_blocks, stat(2)

void add_files_of(const fs::path& folder, std::vector<LogFileSize>& out) {
  const std::string current = folder.filename().string() + std::string(kLogSuffix);
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    const std::string name = at->path().filename();
    bool rotated = name.starts_with(current + ".");
    struct stat info{};
    if ((!rotated && name != current) || ::lstat(at->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode))
      continue;
    out.push_back({at->path(), static_cast<int64_t>(info.st_blocks) * kBytesPerBlock,
                   info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec, rotated});
  }
}

}  // namespace

std::vector<LogFileSize> list_log_files(const std::string& containers) {
  std::vector<LogFileSize> files;
  std::error_code code;
  for (fs::directory_iterator at(containers, code), end; !code && at != end; at.increment(code))
    if (std::error_code unreadable; at->is_directory(unreadable)) add_files_of(at->path(), files);
  return files;
}

std::vector<std::string> surplus_logs(std::vector<LogFileSize> files, int64_t limit) {
  int64_t total = 0;
  for (const LogFileSize& file : files) total += file.bytes;
  std::erase_if(files, [](const LogFileSize& file) { return !file.rotated; });
  std::sort(files.begin(), files.end(),
            [](const LogFileSize& a, const LogFileSize& b) { return a.modified < b.modified; });
  std::vector<std::string> surplus;
  for (const LogFileSize& file : files) {
    if (total <= limit) break;
    total -= file.bytes;
    surplus.push_back(file.path);
  }
  return surplus;
}

size_t trim_logs(const std::string& containers, int64_t limit) {
  size_t removed = 0;
  for (const std::string& path : surplus_logs(list_log_files(containers), limit))
    if (::unlink(path.c_str()) == 0) ++removed;
  return removed;
}

}  // namespace stack::logs
