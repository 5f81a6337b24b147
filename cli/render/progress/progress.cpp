#include "cli/render/progress/progress.h"

#include "base/fd.h"
#include "cli/render/progress/json_progress.h"
#include "cli/render/progress/plain_progress.h"
#include "cli/render/progress/tty_progress.h"

namespace stack::cli {

namespace {

constexpr Verb kVerbs[] = {
    {"create-network", "Network", "Creating", "Created"},
    {"remove-network", "Network", "Removing", "Removed"},
    {"create-volume", "Volume", "Creating", "Created"},
    {"remove-volume", "Volume", "Removing", "Removed"},
    {"build-image", "Image", "Building", "Built"},
    {"pull-image", "Image", "Pulling", "Pulled"},
    {"push-image", "Image", "Pushing", "Pushed"},
    {"remove-image", "Image", "Removing", "Removed"},
    {"create-container", "Container", "Creating", "Created"},
    {"rename-container", "Container", "Renaming", "Renamed"},
    {"start-container", "Container", "Starting", "Started"},
    {"stop-container", "Container", "Stopping", "Stopped"},
    {"restart-container", "Container", "Restarting", "Restarted"},
    {"kill-container", "Container", "Killing", "Killed"},
    {"pause-container", "Container", "Pausing", "Paused"},
    {"unpause-container", "Container", "Unpausing", "Unpaused"},
    {"remove-container", "Container", "Removing", "Removed"},
    {"wait-healthy", "Container", "Waiting", "Healthy"},
    {"wait-completed", "Container", "Waiting", "Exited"},
    {"wait-running", "Container", "Waiting", "Running"},
    {"wait-accepted", "Container", "Checking", "Accepted"},
    {"wait-delay", "Update", "Waiting", "Waited"},
    {"check-update", "Update", "Checking", "Checked"},
    {"run-pre-start", "Hook", "Running", "Done"},
    {"run-hook", "Hook", "Running", "Done"},
    {"connect-network", "Container", "Connecting", "Connected"},
    {"disconnect-network", "Container", "Disconnecting", "Disconnected"},
    // Of clusters, whose objects name their kind.
    {"create-object", "", "Creating", "Created"},
    {"change-object", "", "Changing", "Changed"},
    {"replace-object", "", "Replacing", "Replaced"},
    {"remove-object", "", "Removing", "Removed"},
    {"wait-service", "", "Waiting", "Ready"},
    {"wait-job", "", "Waiting", "Completed"},
};
constexpr Verb kUnknownVerb{"", "", "Working", "Done"};

// The caller of the stream prints errors.
class QuietProgress : public Progress {
 public:
  void event(const Json&) override {}
  void finish() override {}
};

}  // namespace

const Verb& verb_of(std::string_view kind) {
  for (const Verb& verb : kVerbs) {
    if (verb.kind == kind) return verb;
  }
  return kUnknownVerb;
}

std::string action_label(const Json& action) {
  std::string_view noun = verb_of(string_or(action, "kind")).noun;
  std::string object = string_or(action, "object");
  if (object.empty()) object = string_or(action, "text");
  return noun.empty() ? object : std::string(noun) + " " + object;
}

void Progress::write(int fd, std::string_view text) {
  // A closed stream is detected when the caller itself writes to it.
  static_cast<void>(write_all(fd, text).has_value());
}

std::unique_ptr<Progress> make_progress(const ProgressStyle& style, std::string title) {
  ProgressMode mode = style.mode;
  if (mode == ProgressMode::Auto) {
    mode = style.terminal.is_terminal && style.terminal.color ? ProgressMode::Tty : ProgressMode::Plain;
  }
  switch (mode) {
    case ProgressMode::Tty:
      return std::make_unique<TtyProgress>(style, std::move(title));
    case ProgressMode::JsonLines:
      return std::make_unique<JsonProgress>(style.fd);
    case ProgressMode::Quiet:
      return std::make_unique<QuietProgress>();
    case ProgressMode::Auto:
    case ProgressMode::Plain:
      break;
  }
  return std::make_unique<PlainProgress>(style);
}

}  // namespace stack::cli
