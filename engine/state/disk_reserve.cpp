#include "engine/state/disk_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"

namespace stack::engine {

ByteSize free_space(const std::string& path) {
  struct statvfs space{};
  if (::statvfs(path.c_str(), &space) != 0) return {0};
  return {static_cast<int64_t>(space.f_bavail * space.f_frsize)};
}

ByteSize DiskReserve::size() const {
  struct stat info{};
  return {::stat(path_.c_str(), &info) == 0 ? static_cast<int64_t>(info.st_size) : 0};
}

bool DiskReserve::release_step() const {
  int64_t present = size().bytes;
  if (present <= 0) return false;
  return ::truncate(path_.c_str(), std::max<int64_t>(0, present - kStep.bytes)) == 0;
}

void DiskReserve::refill() const {
  if (path_.empty() || size().bytes >= kSize.bytes) return;
  if (free_space(directory_name(path_)).bytes < kComfort.bytes) return;
  Result<Fd> file = open_file(path_, O_RDWR | O_CREAT, 0600);
  if (!file) return;
  // fallocate(2) instead of a sparse file, so that the blocks are reserved.
  if (::posix_fallocate(file->get(), 0, kSize.bytes) != 0) (void)!::ftruncate(file->get(), 0);
}

}  // namespace stack::engine
