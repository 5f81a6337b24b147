#include "base/disk_usage.h"

#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>

#include <array>
#include <set>
#include <utility>

namespace stack {

int64_t directory_size(const std::string& path) {
  std::string root = path;
  std::array<char*, 2> roots{root.data(), nullptr};
  FTS* walk = ::fts_open(roots.data(), FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr);
  if (walk == nullptr) return 0;
  int64_t total = 0;
  std::set<std::pair<dev_t, ino_t>> linked;
  while (FTSENT* entry = ::fts_read(walk)) {
    if (entry->fts_info != FTS_F) continue;
    const struct stat& info = *entry->fts_statp;
    if (info.st_nlink > 1 && !linked.emplace(info.st_dev, info.st_ino).second) continue;
    if (S_ISREG(info.st_mode)) total += info.st_size;
  }
  ::fts_close(walk);
  return total;
}

}  // namespace stack
