// Overlay mounts as descriptors. Kernel: Documentation/filesystems/overlayfs.rst
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime {

struct OverlayLayers {
  std::vector<std::string> lower_dirs;  // topmost first; may repeat a directory
  std::string upper_dir;
  std::string work_dir;
  bool volatile_upper = false;
};

// A detached mount (fsmount(2)) that passes each layer as "lowerdir+" (Linux 6.8). Unsupported on older kernels.
Result<Fd> mount_overlay_detached(const OverlayLayers& layers);

// The same for older kernels, which accept at most 255 bytes of "lowerdir": layers are passed as "5:6:7" relative to
// /proc/thread-self/fd. Changes the working directory of the calling thread and unshares it from the process, so it must run
// in a separate thread or process. Supports about 80 layers.
Result<Fd> mount_overlay_short_paths(const OverlayLayers& layers);

// The kernel's log of a file system context, for messages; "" if empty.
std::string mount_context_log(int fs_fd);

}  // namespace stack::runtime
