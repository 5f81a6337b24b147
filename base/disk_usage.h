// Disk usage: `docker system df`, `docker ps --size`. Blocking; run on the pool.
#pragma once

#include <cstdint>
#include <string>

namespace stack {

// Bytes of the regular files below a directory, each inode once; 0 if it does not exist. Does not follow links.
int64_t directory_size(const std::string& path);

}  // namespace stack
