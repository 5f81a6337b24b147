// The caller's descriptors that the command inherits: --preserve-fds and LISTEN_FDS (sd_listen_fds(3)).
#pragma once

#include "base/result.h"

namespace stack::runtime::oci {

// Records which of 3, 4, ... the caller left open. Call once, before this program opens anything.
void note_inherited_fds();

// Keeps `count` descriptors 3, 4, ... open for the command. Those that the caller did not open are closed there as
// well, and ours must not use their numbers: Invalid if one does.
Result<> reserve_kept_fds(int count);

}  // namespace stack::runtime::oci
