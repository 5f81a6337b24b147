// Messages of stack-runtime: on stderr, and in the file of --log in the form that podman and containerd read.
#pragma once

#include <string>
#include <string_view>

#include "runtime/oci/command.h"

namespace stack::runtime::oci {

enum class Level { Debug, Warning, Error };

// One line of a log: {"level":"error","msg":...,"time":RFC 3339} or the same as logfmt. Pure.
std::string log_line(bool json, Level level, std::string_view message, std::string_view time);

// Opens the log file for appending. Without one, messages go only to stderr.
Result<> open_log(const GlobalOptions& global);
// Errors always go to stderr as well, as "stack-runtime: message". Warnings go there only with --debug. Debug
// messages are dropped without --debug.
void log(Level level, std::string_view message);

// Now, in UTC, with nanoseconds: "2026-01-31T10:00:00.123456789Z".
std::string time_now();

}  // namespace stack::runtime::oci
