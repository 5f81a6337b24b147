#include "cli/render/progress/build_model.h"

#include <algorithm>
#include <cstdio>

#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr size_t kOutputLines = 6;
constexpr size_t kTimeWidth = 8;

std::string tenths(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", seconds);
  return text;
}

double between(BuildModel::Time from, BuildModel::Time to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string without_newlines(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

BuildModel::Step& BuildModel::step_of(int64_t number, Time now) {
  auto found =
      std::find_if(steps_.begin(), steps_.end(), [&](const Step& step) { return step.number == number; });
  if (found != steps_.end()) return *found;
  Step step;
  step.number = number;
  step.started = now;
  steps_.push_back(std::move(step));
  return steps_.back();
}

std::string BuildModel::apply(const Json& line, Time now) {
  int64_t number = int_or(line, "step");
  std::string stream = string_or(line, "stream");
  std::string text = string_or(line, "text");
  if (text.ends_with('\n')) text.pop_back();
  if (number == 0) return text;  // of the build as a whole
  Step& step = step_of(number, now);
  std::string prefix = "#" + std::to_string(number) + " ";
  if (stream == "output") {
    step.output.push_back(text);
    if (step.output.size() > kOutputLines) step.output.pop_front();
    char time[32];
    std::snprintf(time, sizeof time, "%.3f ", between(step.started, now));
    return prefix + time + text;
  }
  if (bool_or(line, "failed")) {
    step.state = State::Failed;
    step.seconds = between(step.started, now);
    return prefix + "ERROR: " + text;
  }
  if (stream == "cached") {
    step.state = State::Cached;
    return prefix + "CACHED";
  }
  if (stream == "done") {
    step.state = State::Done;
    step.seconds =
        line.contains("seconds") && line["seconds"].is_number() ? line["seconds"].get<double>() : 0;
    return prefix + "DONE " + tenths(step.seconds);
  }
  step.text = without_newlines(text);
  return prefix + text;
}

std::string BuildModel::row_of(const Step& step, Time now, size_t columns, bool color) const {
  std::string time = tenths(step.state == State::Running ? between(step.started, now) : step.seconds);
  std::string word = step.state == State::Cached ? "CACHED " : step.state == State::Failed ? "ERROR " : "";
  size_t room = columns > kTimeWidth + 6 ? columns - kTimeWidth : 6;
  std::string text = ellipsis(" => " + word + step.text, room);
  if (size_t width = display_width(text); width < room) text.append(room - width, ' ');
  text += std::string(time.size() < kTimeWidth ? kTimeWidth - time.size() - 1 : 0, ' ') + time;
  if (step.state == State::Failed) return paint(text, Color::Red, color);
  return step.state == State::Running ? text : paint(text, Color::Cyan, color);
}

std::vector<std::string> BuildModel::draw(Time now, size_t columns, size_t rows, bool color) const {
  auto ended = [](const Step& step) { return step.state != State::Running; };
  auto finished = std::count_if(steps_.begin(), steps_.end(), ended);
  std::vector<std::string> lines{ellipsis("[+] Building " + tenths(between(started_, now)) + " (" +
                                              std::to_string(finished) + "/" + std::to_string(steps_.size()) +
                                              ")",
                                          columns)};
  // Where not all fit, the steps that ended first go.
  size_t room = rows > 2 ? rows - 2 : 1;
  size_t skip = steps_.size() > room ? steps_.size() - room : 0;
  size_t spare = room - (steps_.size() - skip);
  for (const Step& step : steps_) {
    if (skip > 0 && ended(step)) {
      --skip;
      continue;
    }
    if (lines.size() > room) break;
    lines.push_back(row_of(step, now, columns, color));
    if (ended(step)) continue;
    size_t shown = std::min(spare, step.output.size());
    spare -= shown;
    for (size_t i = step.output.size() - shown; i < step.output.size(); ++i)
      lines.push_back(paint(ellipsis(" => => " + step.output[i], columns), Color::Dim, color));
  }
  return lines;
}

}  // namespace stack::cli
