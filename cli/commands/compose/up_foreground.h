// `stack up` in the foreground: shows progress and container output, and handles keys and signals, concurrently.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/flags/up_options.h"
#include "cli/render/log_printer.h"
#include "cli/session/change.h"
#include "cli/watch/watcher.h"

namespace stack::cli {

struct ForegroundOptions {
  std::string project_name;
  // The services named on the command line, and their dependencies with --attach-dependencies; empty: all. Ctrl-C
  // stops these services. With --abort-on-container-exit, the exit of one of them ends `up`.
  std::vector<std::string> services;
  std::set<std::string> shown;      // services whose output is printed
  std::vector<std::string> labels;  // labels of the expected containers, for stable colors
  LogStyle style;
  bool quiet_build = false;
  bool quiet_pull = false;
  bool abort_on_exit = false;
  bool abort_on_failure = false;
  std::string exit_code_from;  // a service, or ""
  std::optional<int64_t> timeout;
  std::optional<WatchOptions> watch;  // if set, `up` continues after all containers have exited
  // --menu, if stdin is a terminal: keys detach or start watching with these options.
  std::optional<WatchOptions> menu;
};

// Reads the flags; services named by --attach, --no-attach, and --exit-code-from must exist.
Result<ForegroundOptions> foreground_options(Session& session, const Arguments& arguments,
                                             const ResolvedProject& project);

// Returns when the change fails, when all containers of the services have exited, or after Ctrl-C (exit code 130).
Result<int> up_in_foreground(Session& session, const Change& change, const ForegroundOptions& options);

}  // namespace stack::cli
