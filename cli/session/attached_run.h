// The first run of a new container, attached to the caller's terminal or pipes.
#pragma once

#include <functional>
#include <string>

#include "base/detach_keys.h"
#include "base/result.h"
#include "cli/session/session.h"

namespace stack::cli {

struct AttachedRunOptions {
  bool tty = false;
  bool interactive = true;  // forward the caller's stdin
  bool remove = false;      // remove the container when it exits (AutoRemove)
  bool stdout_wanted = true;
  bool stderr_wanted = true;
  int start_error_code = kExitError;
  bool forward_signals = true;  // forward SIGINT and similar signals; never with a terminal
  // Prints why the container could not be started; default: "stack: ...".
  std::function<void(const Error& error)> print_start_error;
  std::string detach_keys = std::string(kDefaultDetachKeys);
};

// Starts the created container and forwards its streams until it exits or the caller detaches (result 0). Returns
// the container's exit code. If it cannot be started, prints the error and returns `start_error_code`, 126, or 127.
Result<int> run_attached(Session& session, const std::string& container_id,
                         const AttachedRunOptions& options);

}  // namespace stack::cli
