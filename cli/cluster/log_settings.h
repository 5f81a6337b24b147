// The options of `logs` on a cluster; shared by all targets.
#pragma once

#include <string>
#include <vector>

#include "cli/render/log_printer.h"
#include "cli/session/session.h"

namespace stack::cli::cluster {

struct LogSettings {
  std::string tail = "all";  // or a number
  std::string since = {};    // RFC 3339; "" from the beginning
  bool follow = false;
};

// An error is one of the command line.
Result<LogSettings> log_settings(const Arguments& arguments);

// Prints on standard output in the style that the options choose; `labels` are those to expect.
LogPrinter log_printer(const Session& session, const Arguments& arguments, const std::string& project,
                       std::vector<std::string> labels);

// A line of a log as a cluster sends it, "TIME TEXT", for the printer.
Json log_line(const std::string& container, const std::string& service, const std::string& stream,
              const std::string& text);

}  // namespace stack::cli::cluster
