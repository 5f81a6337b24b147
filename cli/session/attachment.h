// Connects the caller's terminal or pipes to a process in a container over a hijacked connection.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/detach_keys.h"
#include "base/result.h"
#include "cli/render/terminal.h"
#include "http/client/client.h"

namespace stack::cli {

// Number of bytes shown of each stream; with a terminal, all bytes count as stdout.
struct ShownOutput {
  uint64_t out = 0;
  uint64_t err = 0;
};

struct Attachment {
  bool tty = false;            // one raw stream, with the caller's terminal in raw mode; otherwise frames
  bool forward_stdin = false;  // at its end, the sending half of the connection is closed
  DetachKeys detach_keys;
  std::function<void(TerminalSize)> on_resize;  // with tty: called when the window size changes
  std::function<void(int signal)> on_signal;    // receives SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2
  ShownOutput* shown = nullptr;                 // incremented
  ShownOutput skip;                             // bytes at the beginning that are not shown again
  // A resumable exec stream: frames even with a terminal, and the exit code, set when its frame arrives, ends the stream.
  std::optional<int>* exit_code = nullptr;
};

enum class AttachmentEnd { Closed, Detached };

// Returns when the other side closes. Framed stdout and stderr remain separate.
Result<AttachmentEnd> join_streams(http::HijackedConnection connection, Attachment attachment);

// 126 if the error text means "cannot be executed", 127 if it means "not found", otherwise `otherwise`.
int start_failure_code(const Error& error, int otherwise);

}  // namespace stack::cli
