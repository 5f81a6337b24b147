// Stays with a container (or an exec session) until its process ends: forwards signals, connects the terminal to
// ours, and forwards readiness messages to our service manager.
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime::oci {

struct Attended {
  pid_t pid = -1;  // our child
  int pidfd = -1;
  Fd terminal;  // master of its pty; none: it uses our streams
  Fd notify;    // its notification socket
};

// Returns the exit code as in shells. Restores our terminal.
Result<int> attend(Attended process);

// Forwards messages until one contains READY=1 or the process ends.
Result<> wait_until_ready(int notify, int pidfd);

}  // namespace stack::runtime::oci
