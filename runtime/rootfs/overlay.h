// Overlay mounts as descriptors. Kernel: Documentation/filesystems/overlayfs.rst
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime {

struct OverlayLayers {
  std::vector<std::string> lower_dirs;  // topmost first
  std::string upper_dir;
  std::string work_dir;
  bool volatile_upper = false;
};

// A detached mount (fsmount(2)), each layer given by "lowerdir+" (Linux 6.8). Unsupported where the kernel is
// older.
Result<Fd> mount_overlay_detached(const OverlayLayers& layers);

// The same on older kernels, which take at most 255 bytes of "lowerdir": layers are named "5:6:7" relative to
// /proc/thread-self/fd. Changes the working directory of the calling thread and unshares it from the process:
// call it in a thread, or a process, of its own. Up to about 80 layers.
Result<Fd> mount_overlay_short_paths(const OverlayLayers& layers);

// What the kernel wrote into a file system context's log, for messages; "" where nothing.
std::string mount_context_log(int fs_fd);

}  // namespace stack::runtime
