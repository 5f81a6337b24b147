#include "cli/render/plan_text.h"

#include "base/text.h"
#include "cli/render/output.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

std::string colored_line(const std::string& line, bool color) {
  if (line.starts_with("  + ")) return paint(line, Color::Green, color);
  if (line.starts_with("  - ")) return paint(line, Color::Red, color);
  if (line.starts_with("  ~ ")) return paint(line, Color::Yellow, color);
  if (line.starts_with("  . ")) return paint(line, Color::Dim, color);
  if (line.starts_with("warning:")) return paint("warning:", Color::Yellow, color) + line.substr(8);
  return line;
}

}  // namespace

std::string plan_text(const Json& plan, const std::string& project_name, bool color) {
  std::string text = string_or(plan, "text");
  if (text.empty()) {
    for (const Json& action : items_of(member(plan, "actions"))) {
      text += "  ~ " + string_or(action, "text") + "  " + string_or(action, "cause") + "\n";
    }
    if (text.empty()) text = "project " + project_name + ": nothing to do\n";
  }
  if (text.ends_with('\n')) text.pop_back();
  std::string out;
  for (const std::string& line : split(text, '\n')) out += colored_line(line, color) + "\n";
  return out;
}

}  // namespace stack::cli
