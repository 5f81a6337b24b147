// Showing what the engine does, from the lines of a /stack/v1 stream (docs/API.md, "Streams of events").
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "cli/flags/globals.h"
#include "cli/render/terminal.h"

namespace stack::cli {

class Progress {
 public:
  virtual ~Progress() = default;
  // One line of the stream, in order. "done" and "error" are the caller's and are ignored. Thread-safe, as
  // the others.
  virtual void event(const Json& line) = 0;
  // The stream ended; the picture stays as it is.
  virtual void finish() = 0;
  // The stream begins again after the engine was started anew: the coming plan replaces the old.
  virtual void restart() {}
  // Writes to stdout or stderr without tearing the picture.
  virtual void write(int fd, std::string_view text);
};

struct ProgressStyle {
  ProgressMode mode = ProgressMode::Auto;
  Terminal terminal;               // of the descriptor below
  int fd = 2;                      // COMPOSE_STATUS_STDOUT: 1
  bool show_build_output = false;  // the live picture shows whole build output, not just the current step
  bool quiet_build = false;
  bool quiet_pull = false;  // no progress of single layers
};

// `title` heads the live picture: "up".
std::unique_ptr<Progress> make_progress(const ProgressStyle& style, std::string title);

// What an action's kind is called: {"Container", "Starting", "Started"}. Unknown kinds give {"", "Working",
// "Done"}.
struct Verb {
  std::string_view kind;
  std::string_view noun;
  std::string_view doing;
  std::string_view done;
};
const Verb& verb_of(std::string_view kind);
// "Container demo-web-1".
std::string action_label(const Json& action);

}  // namespace stack::cli
