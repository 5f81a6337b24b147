#include "cli/render/progress/json_progress.h"

#include "cli/session/member.h"

namespace stack::cli {

void JsonProgress::event(const Json& line) {
  std::lock_guard lock(mutex_);
  Json message = message_of(line);
  if (!message.is_null()) Progress::write(fd_, to_text(message) + "\n");
}

void JsonProgress::write(int fd, std::string_view text) {
  std::lock_guard lock(mutex_);
  Progress::write(fd, text);
}

Json JsonProgress::message_of(const Json& line) {
  std::string event = string_or(line, "event");
  std::string text = string_or(line, "text");
  if (event == "plan") {
    for (const Json& action : items_of(member(line, "actions"))) actions_[int_or(action, "id")] = action;
    return nullptr;
  }
  if (event == "waiting")
    return {{"id", "Project"}, {"status", "Working"}, {"text", "Waiting"}, {"details", text}};
  if (event == "warning") return {{"status", "Warning"}, {"text", text}};
  if (event == "build") {
    return {{"id", "Image " + string_or(line, "service")},
            {"status", "Working"},
            {"text", "Building"},
            {"details", text}};
  }
  if (event == "pull" || event == "push") return transfer_message(line);
  if (event != "action" && event != "wait") return nullptr;
  if (was_idle(line)) return nullptr;
  const Json& action = actions_[int_or(line, "id")];
  const Verb& verb = verb_of(string_or(action, "kind"));
  Json message{{"id", action_label(action)}};
  std::string state = event == "wait" ? "running" : string_or(line, "state");
  message["status"] = state == "running"  ? "Working"
                      : state == "failed" ? "Error"
                      : state == "done"   ? "Done"
                                          : "Warning";
  message["text"] = state == "running"  ? verb.doing
                    : state == "done"   ? verb.done
                    : state == "failed" ? "Error"
                                        : "Skipped";
  if (event == "wait") message["details"] = text;
  if (state == "failed") message["details"] = string_or(line, "error");
  return message;
}

// Docker Compose's fields: the layer as a child of the image, with byte counts.
Json JsonProgress::transfer_message(const Json& line) {
  std::string image = action_label(actions_[int_or(line, "id")]);
  std::string layer = string_or(line, "layer");
  if (layer.empty()) return {{"id", image}, {"status", "Working"}, {"details", string_or(line, "text")}};
  std::string phase = string_or(line, "phase");
  bool ended = phase == "present" || phase == "complete" || phase == "mounted" || phase == "pushed";
  return {{"id", layer},
          {"parent_id", image},
          {"status", ended ? "Done" : "Working"},
          {"text", phase},
          {"current", int_or(line, "current")},
          {"total", int_or(line, "total")}};
}

}  // namespace stack::cli
