// Descriptors of the caller's that the command is to have: --preserve-fds and LISTEN_FDS (sd_listen_fds(3)).
#pragma once

#include "base/result.h"

namespace stack::runtime::oci {

// Once, before this program opens anything: which of 3, 4, ... the caller left open.
void note_inherited_fds();

// 3, 4, ... `count` of them stay open for the command. What the caller did not leave open is closed there as
// well, and none of ours may take its number: Invalid where one has.
Result<> reserve_kept_fds(int count);

}  // namespace stack::runtime::oci
