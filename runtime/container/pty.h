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

// `pts_directory`: an open devpts mount; anything else is refused. Height and width 0: the size is left
// alone.
Result<Pty> open_pty(int pts_directory, uint16_t height, uint16_t width);

}  // namespace stack::runtime
