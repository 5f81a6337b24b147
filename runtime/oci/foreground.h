// Staying with a container (or an exec session) until its process ends: signals are passed on, the terminal
// is connected with ours, readiness messages go to our service manager.
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime::oci {

struct Attended {
  pid_t pid = -1;  // our child
  int pidfd = -1;
  Fd terminal;  // its pty's master; none: it uses our own streams
  Fd notify;    // its notification socket
};

// The exit code as shells show it. Our own terminal is as before afterward.
Result<int> attend(Attended process);

// Passes on messages until one says READY=1 or the process ends.
Result<> wait_until_ready(int notify, int pidfd);

}  // namespace stack::runtime::oci
