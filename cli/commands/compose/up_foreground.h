// `stack up` in the foreground: what the engine does, what the containers print, and what the user presses,
// at once.
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
  // Named on the command line, and their dependencies with --attach-dependencies; empty: all. Ctrl-C stops
  // these, and the exit of one of these ends an `up` with --abort-on-container-exit.
  std::vector<std::string> services;
  std::set<std::string> shown;      // services whose output is printed
  std::vector<std::string> labels;  // of the containers expected, for stable colours
  LogStyle style;
  bool quiet_build = false;
  bool quiet_pull = false;
  bool abort_on_exit = false;
  bool abort_on_failure = false;
  std::string exit_code_from;  // a service, or ""
  std::optional<int64_t> timeout;
  std::optional<WatchOptions> watch;  // then it continues although every container has exited
  // --menu, where standard input is a terminal: keys detach, or begin to watch with these options.
  std::optional<WatchOptions> menu;
};

// From the flags; a service that --attach, --no-attach or --exit-code-from names must exist.
Result<ForegroundOptions> foreground_options(Session& session, const Arguments& arguments,
                                             const ResolvedProject& project);

// Ends when the change failed, when every container of the services has exited, or after Ctrl-C (exit code
// 130).
Result<int> up_in_foreground(Session& session, const Change& change, const ForegroundOptions& options);

}  // namespace stack::cli
