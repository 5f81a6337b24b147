// A pseudo terminal of a given devpts instance. pts(4), ioctl_tty(2)
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime {

struct Pty {
  Fd master;
  Fd peer;
};

// `pts_directory`: an open devpts mount; other directories are rejected. Height and width 0 keep the default size.
Result<Pty> open_pty(int pts_directory, uint16_t height, uint16_t width);

}  // namespace stack::runtime
