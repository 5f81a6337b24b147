#include "cli/render/log_printer.h"

#include <unistd.h>

#include <algorithm>

#include "cli/render/table.h"
#include "cli/session/containers.h"

namespace stack::cli {

namespace {
// Compose's ten colors, in its order: cyan, yellow, green, magenta, blue, then their bright forms.
constexpr std::string_view kColors[] = {"36",   "33",   "32",   "35",   "34",
                                         "36;1", "33;1", "32;1", "35;1", "34;1"};
}  // namespace

void LogPrinter::expect(std::vector<std::string> labels) {
  std::sort(labels.begin(), labels.end());
  for (const std::string& label : labels) look_of(label);
}

const LogPrinter::Look& LogPrinter::look_of(const std::string& label) {
  auto [found, added] = looks_.emplace(label, Look{looks_.size() % std::size(kColors)});
  if (added) width_ = std::max(width_, display_width(label) + 1);
  return found->second;
}

std::string LogPrinter::painted(std::string_view text, const Look& look) const {
  if (!style_.color) return std::string(text);
  return "\x1b[" + std::string(kColors[look.color]) + "m" + std::string(text) + "\x1b[0m";
}

void LogPrinter::line(const Json& line) {
  std::string label = log_label(project_name_, string_or(line, "container"), string_or(line, "service"));
  if (line.is_object() && line.contains("exit")) {
    std::string text = "exited with code " + std::to_string(int_or(line, "exit"));
    if (bool_or(line, "restarting")) text += " (restarting)";
    return status(label, text);
  }
  std::string text = string_or(line, "text");
  if (text.ends_with('\n')) text.pop_back();
  std::string out;
  if (style_.prefix) {
    const Look& look = look_of(label);
    std::string padded = label;
    padded.append(width_ - std::min(width_, display_width(label)), ' ');
    out = painted(padded + " | ", look);
  }
  if (style_.timestamps) out += string_or(line, "time") + " ";
  out += text + "\n";
  bool to_stderr = style_.split_streams && string_or(line, "stream") == "stderr";
  sink_(to_stderr ? STDERR_FILENO : STDOUT_FILENO, out);
}

void LogPrinter::status(const std::string& label, std::string_view text) {
  sink_(STDOUT_FILENO, painted(label + " " + std::string(text), look_of(label)) + "\n");
}

}  // namespace stack::cli
