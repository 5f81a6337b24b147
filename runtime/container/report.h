// Messages between the container's first process and the launcher on a socket pair (SOCK_SEQPACKET).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime {

struct StepFailure {
  std::string step;
  std::string object;
  int code = 0;
  int exit_code = 125;
  std::string text;
};

StepFailure make_failure(std::string step, std::string object, const Error& error);

enum class ReportKind : char {
  Ready = 'R',            // setup complete; waits for Go if `hold` is set
  Terminal = 'T',         // carries the pty master
  SeccompListener = 'L',  // carries the notification descriptor
  Note = 'N',
  Failure = 'E',
  Mapped = 'M',  // from the launcher: the maps of the user namespace are written
  Go = 'G',      // from the launcher: execute
  Hooks = 'H',   // before pivot_root: run the hooks, then answer Go
};

struct Report {
  ReportKind kind = ReportKind::Ready;
  std::string text;     // Note
  StepFailure failure;  // Failure
  Fd fd;                // Terminal, SeccompListener
};

Result<> send_report(int socket, ReportKind kind, std::string_view text = {}, int fd = -1);
Result<> send_failure(int socket, const StepFailure& failure);
// Waits for a report; nullopt if the other side closed the socket (for the launcher: the command was executed or the child
// died).
Result<std::optional<Report>> receive_report(int socket);

}  // namespace stack::runtime
