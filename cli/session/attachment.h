// Our terminal or pipes joined to a process in a container, over a hijacked connection.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/detach_keys.h"
#include "base/result.h"
#include "cli/render/terminal.h"
#include "http/client/client.h"

namespace stack::cli {

// Bytes of each stream that were shown; with a terminal, all count as stdout.
struct ShownOutput {
  uint64_t out = 0;
  uint64_t err = 0;
};

struct Attachment {
  bool tty = false;            // one raw stream, ours in raw mode; else frames
  bool forward_stdin = false;  // its end is passed on by closing our sending half
  DetachKeys detach_keys;
  std::function<void(TerminalSize)> on_resize;  // with tty: whenever the window changes
  std::function<void(int signal)>
      on_signal;                 // SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 go here instead
  ShownOutput* shown = nullptr;  // counts on
};

enum class AttachmentEnd { Closed, Detached };

// Returns when the other side closes. stdout and stderr stay apart where there are frames.
Result<AttachmentEnd> join_streams(http::HijackedConnection connection, Attachment attachment);

// 126 where the text says that a command cannot be executed, 127 where it was not found, else `otherwise`.
int start_failure_code(const Error& error, int otherwise);

}  // namespace stack::cli
