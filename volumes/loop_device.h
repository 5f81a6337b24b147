// Loop devices: files as block devices. loop(4)
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace stack::volumes {

struct LoopDevice {
  std::string path;  // "/dev/loop3"
  Fd fd;             // keeps the device attached until it is mounted
};

// Attaches `file` to a free device. The kernel detaches it when neither `fd` nor a mount uses it, so a crash leaves none
// behind.
Result<LoopDevice> attach_loop_device(const std::string& file, bool read_only);

}  // namespace stack::volumes
