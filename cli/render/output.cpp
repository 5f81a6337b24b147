#include "cli/render/output.h"

#include <unistd.h>

#include "base/fd.h"

namespace stack::cli {

void print(std::string_view text) {
  if (!write_all(STDOUT_FILENO, text)) _exit(1);
}

void print_message(std::string_view line) {
  std::string text(line);
  text += '\n';
  // If stderr is closed, the error cannot be reported.
  static_cast<void>(write_all(STDERR_FILENO, text).has_value());
}

std::string paint(std::string_view text, Color color, bool on) {
  if (!on) return std::string(text);
  static constexpr std::string_view kCodes[] = {"31", "32", "33", "34", "35", "36", "1", "2"};
  std::string out = "\x1b[";
  out += kCodes[static_cast<size_t>(color)];
  out += 'm';
  out += text;
  out += "\x1b[0m";
  return out;
}

}  // namespace stack::cli
