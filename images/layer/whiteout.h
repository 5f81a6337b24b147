// Deletion marks of an unpacked layer: overlayfs whiteouts, character devices 0/0
// (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories").
#pragma once

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace stack::images {

inline bool is_whiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

}  // namespace stack::images
