#include "cli/render/progress/classic_build_progress.h"

#include <unistd.h>

#include "cli/session/member.h"

namespace stack::cli {

namespace {

// "[2/3] RUN make" -> "Step 2/3 : RUN make".
std::string classic_step_text(const std::string& text) {
  size_t end = text.find("] ");
  if (!text.starts_with('[') || end == std::string::npos) return text;
  return "Step " + text.substr(1, end - 1) + " : " + text.substr(end + 2);
}

}  // namespace

std::string classic_build_text(const Json& line) {
  std::string stream = string_or(line, "stream", "output");
  std::string text = string_or(line, "text");
  while (text.ends_with('\n')) text.pop_back();
  if (stream == "output") return text + "\n";
  if (stream == "step") return classic_step_text(text) + "\n";
  return stream == "cached" ? " ---> Using cache\n" : "";
}

void ClassicBuildProgress::event(const Json& line) {
  std::string event = string_or(line, "event");
  if (event == "build") return show_build(line);
  others_.event(line);
  if (event == "plan") add_plan(line);
  if (event == "action") end_build(line);
}

void ClassicBuildProgress::finish() {
  {
    std::lock_guard lock(mutex_);
    for (const auto& [service, lines] : held_lines_) others_.write(STDOUT_FILENO, lines);
    held_lines_.clear();
  }
  others_.finish();
}

void ClassicBuildProgress::restart() {
  {
    std::lock_guard lock(mutex_);
    builds_.clear();
    held_lines_.clear();
    shown_service_.clear();
  }
  others_.restart();
}

void ClassicBuildProgress::add_plan(const Json& line) {
  std::lock_guard lock(mutex_);
  for (const Json& action : items_of(member(line, "actions")))
    if (string_or(action, "kind") == "build-image") builds_[int_or(action, "id")] = action;
}

void ClassicBuildProgress::show_build(const Json& line) {
  std::lock_guard lock(mutex_);
  put(string_or(line, "service"), classic_build_text(line));
}

void ClassicBuildProgress::end_build(const Json& line) {
  std::lock_guard lock(mutex_);
  auto build = builds_.find(int_or(line, "id"));
  if (build == builds_.end()) return;
  std::string state = string_or(line, "state");
  std::string service = string_or(build->second, "service");
  std::string image = string_or(build->second, "object");
  bool has_tag = image.find(':', image.rfind('/') + 1) != std::string::npos;
  if (state == "done") put(service, "Successfully tagged " + image + (has_tag ? "" : ":latest") + "\n");
  if (state == "done" || state == "failed") release(service);
}

void ClassicBuildProgress::put(const std::string& service, const std::string& text) {
  if (shown_service_.empty()) shown_service_ = service;
  if (shown_service_ == service) return others_.write(STDOUT_FILENO, text);
  held_lines_[service] += text;
}

void ClassicBuildProgress::release(const std::string& service) {
  if (shown_service_ == service) {
    shown_service_.clear();
    return;
  }
  others_.write(STDOUT_FILENO, held_lines_[service]);
  held_lines_.erase(service);
}

}  // namespace stack::cli
