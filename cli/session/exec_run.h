// A command in a running container, attached to the caller's terminal or pipes. Survives restarts of the engine.
#pragma once

#include <functional>
#include <string>

#include "base/detach_keys.h"
#include "base/json.h"
#include "base/result.h"
#include "cli/session/session.h"

namespace stack::cli {

struct ExecRunOptions {
  bool tty = false;
  bool interactive = true;  // forward the caller's stdin
  DetachKeys detach_keys;
  std::function<Error(const Error&)> explain;  // the text of errors; none: "stack: " and the error
};

// `container_id`: or a name, as part of a URL. `body`: of POST /containers/{id}/exec. Returns the command's exit code; 0 if the caller detaches; 126 or 127 if
// the command cannot be started, after printing the error.
Result<int> run_exec_attached(Session& session, const std::string& container_id, const Json& body,
                              const ExecRunOptions& options);

}  // namespace stack::cli
