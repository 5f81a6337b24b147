// How much room things take on disk: `docker system df`, `docker ps --size`. Blocking; for the pool.
#pragma once

#include <cstdint>
#include <string>

namespace stack {

// Bytes of the regular files below a directory, each inode once; 0 where there is none. Links are not
// followed.
int64_t directory_size(const std::string& path);

}  // namespace stack
