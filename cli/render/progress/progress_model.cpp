#include "cli/render/progress/progress_model.h"

#include <algorithm>
#include <cstdio>

#include "cli/render/output.h"
#include "cli/render/progress/progress.h"
#include "cli/render/table.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr std::string_view kSpinner[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
constexpr size_t kStatusWidth = 12;

std::string seconds_text(std::chrono::steady_clock::duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", std::chrono::duration<double>(duration).count());
  return text;
}

void pad(std::string& text, size_t width) {
  size_t used = display_width(text);
  if (used < width) text.append(width - used, ' ');
}

}  // namespace

void ProgressModel::restart() {
  rows_.clear();
  by_label_.clear();
  actions_.clear();
  unfinished_.clear();
  image_rows_.clear();
  transfers_.clear();
}

ProgressModel::Row& ProgressModel::row_of(const std::string& label) {
  auto [found, added] = by_label_.emplace(label, rows_.size());
  if (added) {
    rows_.emplace_back();
    rows_.back().label = label;
  }
  return rows_[found->second];
}

void ProgressModel::apply_plan(const Json& line) {
  for (const Json& action : items_of(member(line, "actions"))) {
    std::string label = action_label(action);
    actions_[int_or(action, "id")] = action;
    // Rollback actions are shown only when they run.
    if (bool_or(action, "contingent")) continue;
    row_of(label);
    ++unfinished_[label];
    if (string_or(action, "kind") == "build-image") image_rows_[string_or(action, "service")] = label;
  }
}

void ProgressModel::apply_action(const Json& line, Time now) {
  const Json& action = actions_[int_or(line, "id")];
  if (action.is_null()) return;
  const Verb& verb = verb_of(string_or(action, "kind"));
  std::string label = action_label(action);
  Row& row = row_of(label);
  std::string state = string_or(line, "state");
  if (row.started == Time{}) row.started = now;
  if (state == "running") {
    row.state = State::Running;
    row.status = verb.doing;
    row.detail.clear();
    row.gives_up = {};
    return;
  }
  int left = bool_or(action, "contingent") ? unfinished_[label] : --unfinished_[label];
  row.ended = now;
  if (row.state == State::Failed) return;
  if (state == "done") {
    if (!was_idle(line)) row.performed = true;
    row.status = row.performed ? (was_idle(line) ? row.status : std::string(verb.done)) : "Unchanged";
    row.detail.clear();
    // The next action of the object may have to wait; its time counts from its start.
    row.state = left > 0 ? State::Planned : State::Done;
  } else if (state == "failed") {
    row.state = State::Failed;
    row.status = "Error";
    row.detail = string_or(line, "error");
  } else {
    row.state = State::Skipped;
    row.status = "Skipped";
  }
}

void ProgressModel::apply_wait(const Json& line, Row& row, Time now) {
  row.detail = wait_text(line);
  std::chrono::milliseconds left(int_or(member(line, "probe"), "left_ms"));
  row.gives_up = left.count() > 0 ? now + left : Time{};
}

void ProgressModel::apply(const Json& line, Time now) {
  std::string event = string_or(line, "event");
  if (event == "plan") apply_plan(line);
  if (event == "action") apply_action(line, now);
  if (event == "wait") {
    const Json& action = actions_[int_or(line, "id")];
    if (!action.is_null()) apply_wait(line, row_of(action_label(action)), now);
  }
  if (event == "pull" || event == "push") {
    const Json& action = actions_[int_or(line, "id")];
    if (!action.is_null()) transfers_[action_label(action)].apply(line, now);
  }
  if (event == "build") {
    std::string service = string_or(line, "service");
    auto found = image_rows_.find(service);
    Row& row = row_of(found != image_rows_.end() ? found->second
                      : service.empty()          ? "Image"
                                                 : "Image " + service);
    if (row.started == Time{}) row.started = now;
    if (row.state == State::Planned) {
      row.state = State::Running;
      row.status = "Building";
    }
    row.detail = string_or(line, "text");
  }
}

std::string ProgressModel::text_of(const Row& row, Time now, size_t label_width, size_t columns,
                                   bool color) const {
  std::string symbol = " ";
  Color shade = Color::Dim;
  if (row.state == State::Running) {
    auto ticks = std::chrono::duration_cast<std::chrono::milliseconds>(now - row.started).count() / 100;
    symbol = kSpinner[static_cast<size_t>(ticks) % std::size(kSpinner)];
    shade = Color::Cyan;
  } else if (row.state == State::Done) {
    symbol = "✔";
    shade = Color::Green;
  } else if (row.state == State::Failed) {
    symbol = "✘";
    shade = Color::Red;
  } else if (row.state == State::Skipped) {
    symbol = "-";
  }
  std::string text = row.label;
  pad(text, label_width + 2);
  text += row.status;
  pad(text, label_width + 2 + kStatusWidth);
  if (row.started != Time{})
    text +=
        seconds_text((row.state == State::Running ? now : std::max(row.ended, row.started)) - row.started);
  auto transfer = row.state == State::Running ? transfers_.find(row.label) : transfers_.end();
  std::string detail = transfer != transfers_.end() ? transfer->second.text(now) : row.detail;
  std::replace(detail.begin(), detail.end(), '\n', ' ');
  if (row.state == State::Running && row.gives_up > now)
    text += "  " + seconds_text(row.gives_up - now) + " left";
  if (!detail.empty()) text += "  " + detail;
  return " " + paint(symbol, shade, color) + " " + ellipsis(text, columns > 4 ? columns - 4 : 1);
}

std::vector<std::string> ProgressModel::draw(Time now, size_t columns, size_t rows, bool color) const {
  size_t finished = 0;
  size_t label_width = 0;
  std::vector<const Row*> shown;
  for (const Row& row : rows_) {
    if (row.state == State::Done || row.state == State::Failed || row.state == State::Skipped) ++finished;
    label_width = std::max(label_width, display_width(row.label));
    shown.push_back(&row);
  }
  label_width = std::min(label_width, columns / 2);
  // Title, "... and N more", and the line of the cursor: a screen that is full would scroll with every update.
  size_t room = rows > 3 ? rows - 3 : 0;
  size_t hidden = 0;
  if (shown.size() > room) {
    // Running and failed rows first, then planned rows, then finished rows.
    auto rank = [](const Row* row) {
      switch (row->state) {
        case State::Failed:
          return 0;
        case State::Running:
          return 1;
        case State::Planned:
          return 2;
        case State::Skipped:
          return 3;
        case State::Done:
          return 4;
      }
      return 4;
    };
    std::stable_sort(shown.begin(), shown.end(),
                     [&](const Row* a, const Row* b) { return rank(a) < rank(b); });
    hidden = shown.size() - room;
    shown.resize(room);
  }
  std::vector<std::string> lines;
  std::string head = "[+] " + title_ + " " + std::to_string(finished) + "/" + std::to_string(rows_.size());
  lines.push_back(paint(ellipsis(head, columns), Color::Bold, color));
  for (const Row* row : shown) lines.push_back(text_of(*row, now, label_width, columns, color));
  if (hidden > 0 && rows > 2)
    lines.push_back(ellipsis("   ... and " + std::to_string(hidden) + " more", columns));
  return lines;
}

}  // namespace stack::cli
