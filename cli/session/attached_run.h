// A new container's first run, with the caller's terminal or pipes as its own.
#pragma once

#include <functional>
#include <string>

#include "base/detach_keys.h"
#include "base/result.h"
#include "cli/session/session.h"

namespace stack::cli {

struct AttachedRunOptions {
  bool tty = false;
  bool interactive = true;  // our stdin is the container's
  bool remove = false;      // the container is removed when it ends (AutoRemove)
  bool stdout_wanted = true;
  bool stderr_wanted = true;
  int start_error_code = kExitError;
  bool forward_signals = true;  // SIGINT and the like go to the container; never with a terminal
  // Prints why the container could not be started; none: "stack: ...".
  std::function<void(const Error& error)> print_start_error;
  std::string detach_keys = std::string(kDefaultDetachKeys);
};

// Starts the created container and joins its streams until it ends or the caller detaches (then 0). The result is
// the container's exit code; `start_error_code`, 126 or 127 where it could not be started, which is printed.
Result<int> run_attached(Session& session, const std::string& container_id,
                         const AttachedRunOptions& options);

}  // namespace stack::cli
