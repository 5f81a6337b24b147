#include "cli/render/progress/plain_progress.h"

#include "cli/render/output.h"
#include "cli/render/progress/transfer_model.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {
// The other lines are output that was already shown or is shown at the end.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }
}  // namespace

void PlainProgress::event(const Json& line) {
  std::lock_guard lock(mutex_);
  std::string text = text_of(line);
  if (!text.empty()) Progress::write(style_.fd, text);
}

void PlainProgress::restart() {
  std::lock_guard lock(mutex_);
  actions_.clear();
  last_waits_.clear();
}

void PlainProgress::write(int fd, std::string_view text) {
  std::lock_guard lock(mutex_);
  Progress::write(fd, text);
}

std::string PlainProgress::text_of(const Json& line) {
  std::string event = string_or(line, "event");
  if (event == "plan") {
    for (const Json& action : items_of(member(line, "actions"))) actions_[int_or(action, "id")] = action;
    return {};
  }
  if (event == "action") return action_text(line);
  if (event == "build") return build_text(line);
  if (event == "pull" || event == "push") {
    std::string text = style_.quiet_pull ? "" : plain_transfer_text(line);
    return text.empty() ? "" : " " + action_label(actions_[int_or(line, "id")]) + " " + text + "\n";
  }
  if (event == "waiting") return " " + string_or(line, "text") + "\n";
  if (event == "warning") {
    return paint("warning:", Color::Yellow, style_.terminal.color) + " " + string_or(line, "text") + "\n";
  }
  if (event == "wait") {
    int64_t id = int_or(line, "id");
    std::string text = wait_text(line);
    if (last_waits_[id] == text) return {};
    last_waits_[id] = text;
    return " " + action_label(actions_[id]) + " Waiting " + text + "\n";
  }
  return {};
}

std::string PlainProgress::action_text(const Json& line) {
  const Json& action = actions_[int_or(line, "id")];
  const Verb& verb = verb_of(string_or(action, "kind"));
  std::string label = action.is_null() ? string_or(line, "text") : action_label(action);
  std::string state = string_or(line, "state");
  if (state == "running") return " " + label + " " + std::string(verb.doing) + "\n";
  if (was_idle(line)) return {};
  if (state == "done") return " " + label + " " + std::string(verb.done) + "\n";
  if (state != "failed") return {};
  std::string error = first_line(string_or(line, "error"));
  return " " + label + " " + paint("Error", Color::Red, style_.terminal.color) +
         (error.empty() ? "" : " " + error) + "\n";
}

std::string PlainProgress::build_text(const Json& line) const {
  if (style_.quiet_build) return {};
  std::string service = string_or(line, "service");
  std::string stream = string_or(line, "stream", "output");
  std::string text = first_line(string_or(line, "text"));
  std::string prefix = service.empty() ? "" : " " + service;
  if (stream == "output") return prefix + " | " + text + "\n";
  return prefix + " > " + text + (stream == "cached" ? "  CACHED" : "") + "\n";
}

}  // namespace stack::cli
