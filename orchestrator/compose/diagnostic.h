// What the loader has to say about a place in a compose file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stack::compose {

enum class Severity { Error, Warning };

struct Diagnostic {
  Severity severity = Severity::Error;
  std::string file;     // as the user named it; "" = no place in a file
  uint32_t line = 0;    // from 1; 0 = the whole file
  uint32_t column = 0;  // from 1, in characters
  std::string message;
  std::string hint;         // what to do about it, or ""
  std::string source_line;  // the text of that line, without its end; "" = not known
  bool operator==(const Diagnostic&) const = default;
};

// "compose.yaml:4:5: unknown key \"imge\" in service web", then, if asked for, the source line with a caret
// under the column, then "did you mean \"image\"?". Lines are separated by '\n'; none at the end.
std::string render(const Diagnostic& diagnostic, bool with_source_line = true);
// All of them, one after the other, each ended by '\n'.
std::string render(std::span<const Diagnostic> diagnostics, bool with_source_line = true);

}  // namespace stack::compose
