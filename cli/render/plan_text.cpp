#include "cli/render/plan_text.h"

#include "base/text.h"
#include "cli/render/output.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

std::string coloured_line(const std::string& line, bool colour) {
  if (line.starts_with("  + ")) return paint(line, Colour::Green, colour);
  if (line.starts_with("  - ")) return paint(line, Colour::Red, colour);
  if (line.starts_with("  ~ ")) return paint(line, Colour::Yellow, colour);
  if (line.starts_with("  . ")) return paint(line, Colour::Dim, colour);
  if (line.starts_with("warning:")) return paint("warning:", Colour::Yellow, colour) + line.substr(8);
  return line;
}

}  // namespace

std::string plan_text(const Json& plan, const std::string& project_name, bool colour) {
  std::string text = string_or(plan, "text");
  if (text.empty()) {
    for (const Json& action : items_of(member(plan, "actions"))) {
      text += "  ~ " + string_or(action, "text") + "  " + string_or(action, "cause") + "\n";
    }
    if (text.empty()) text = "project " + project_name + ": nothing to do\n";
  }
  if (text.ends_with('\n')) text.pop_back();
  std::string out;
  for (const std::string& line : split(text, '\n')) out += coloured_line(line, colour) + "\n";
  return out;
}

}  // namespace stack::cli
