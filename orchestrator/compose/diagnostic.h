// An error or warning at a position in a Compose file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stack::compose {

enum class Severity { Error, Warning };

struct Diagnostic {
  Severity severity = Severity::Error;
  std::string file;     // as named by the user; "" = no file
  uint32_t line = 0;    // 1-based; 0 = the whole file
  uint32_t column = 0;  // 1-based, in characters
  std::string message;
  std::string hint;         // suggested fix, or ""
  std::string source_line;  // the text of that line without its line break; "" = unknown
  bool operator==(const Diagnostic&) const = default;
};

// "compose.yaml:4:5: unknown key \"imge\" in service web", then optionally the source line with a caret under the
// column, then "did you mean \"image\"?". Lines are separated by '\n', without a trailing one.
std::string render(const Diagnostic& diagnostic, bool with_source_line = true);
// All diagnostics, each followed by '\n'.
std::string render(std::span<const Diagnostic> diagnostics, bool with_source_line = true);

}  // namespace stack::compose
