#include "cli/render/progress/progress.h"

#include "base/fd.h"
#include "cli/render/progress/classic_build_progress.h"
#include "cli/render/progress/json_progress.h"
#include "cli/render/progress/plain_progress.h"
#include "cli/render/progress/tty_progress.h"
#include "cli/session/member.h"

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
    // For clusters: their objects name their kind.
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

std::string wait_text(const Json& line) {
  std::string text = string_or(line, "text");
  size_t verb = text.find(" is ");
  if (verb != std::string::npos && text.find(' ') == verb) text.erase(0, verb + 4);
  const Json& probe = member(line, "probe");
  if (!probe.is_object() || !probe.contains("exit_code") || int_or(probe, "exit_code") == 0) return text;
  int64_t failures = int_or(probe, "failures");
  std::string output = string_or(probe, "output");
  // Failures of the start period do not count.
  text += failures > 0
              ? "; probe " + std::to_string(failures) + " of " + std::to_string(int_or(probe, "retries"))
              : std::string("; probe");
  text += " failed";
  return text +
         (output.empty() ? " (exit code " + std::to_string(int_or(probe, "exit_code")) + ")" : ": " + output);
}

bool was_idle(const Json& event) {
  return string_or(event, "state") == "done" && !string_or(event, "text").empty();
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
  if (style.classic_build) return std::make_unique<ClassicBuildProgress>(style);
  return std::make_unique<PlainProgress>(style);
}

}  // namespace stack::cli
