// Shows the engine's progress from the lines of a /stack/v1 stream (docs/API.md, "Streams of events").
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
  // Handles one line of the stream. Ignores "done" and "error", which the caller handles. All members are thread-safe.
  virtual void event(const Json& line) = 0;
  // The stream ended; the final output remains.
  virtual void finish() = 0;
  // The stream starts over after a restart of the engine; a new plan follows.
  virtual void restart() {}
  // Writes to stdout or stderr without disturbing the live progress.
  virtual void write(int fd, std::string_view text);
};

struct ProgressStyle {
  ProgressMode mode = ProgressMode::Auto;
  Terminal terminal;               // terminal of the descriptor below
  int fd = 2;                      // COMPOSE_STATUS_STDOUT: 1
  bool show_build_output = false;  // show all build output instead of only the current step
  bool quiet_build = false;
  bool quiet_pull = false;     // hide the progress of single layers
  bool classic_build = false;  // show builds in the words of the classic builder, on stdout
};

// `title` is the heading of the live progress: "up".
std::unique_ptr<Progress> make_progress(const ProgressStyle& style, std::string title);

// The words for a kind of action: {"Container", "Starting", "Started"}. Unknown kinds give {"", "Working", "Done"}.
struct Verb {
  std::string_view kind;
  std::string_view noun;
  std::string_view doing;
  std::string_view done;
};
const Verb& verb_of(std::string_view kind);
// "Container demo-web-1".
std::string action_label(const Json& action);
// Whether the event says that an action turned out not to be needed.
bool was_idle(const Json& event);
// The condition of a wait line, without the container's name, and the last probe of its health check:
// "running, health starting; probe 2 of 3 failed: connection refused".
std::string wait_text(const Json& line);

}  // namespace stack::cli
