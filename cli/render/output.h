// Data goes to stdout, messages to stderr.
#pragma once

#include <string>
#include <string_view>

namespace stack::cli {

// Writes to stdout immediately. If stdout is closed, the process ends (SIGPIPE or exit code 1).
void print(std::string_view text);
inline void print_line(std::string_view text) { print(std::string(text) + "\n"); }

// One line to stderr.
void print_message(std::string_view line);

enum class Color { Red, Green, Yellow, Blue, Magenta, Cyan, Bold, Dim };
// `text` between escape sequences, or unchanged if `on` is false.
std::string paint(std::string_view text, Color color, bool on);

}  // namespace stack::cli
