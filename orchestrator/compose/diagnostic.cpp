#include "orchestrator/compose/diagnostic.h"

namespace stack::compose {

namespace {

// The caret's indentation repeats the line's own tabs, so that it stands under the column at any tab width.
std::string caret_line(const std::string& line, uint32_t column) {
  std::string out;
  uint32_t characters = 1;
  for (char c : line) {
    if (characters >= column) break;
    bool continuation = (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
    if (continuation) continue;
    out += c == '\t' ? '\t' : ' ';
    ++characters;
  }
  return out + "^";
}

}  // namespace

std::string render(const Diagnostic& diagnostic, bool with_source_line) {
  std::string out;
  if (!diagnostic.file.empty()) {
    out = diagnostic.file;
    if (diagnostic.line > 0) out += ":" + std::to_string(diagnostic.line);
    if (diagnostic.line > 0 && diagnostic.column > 0) out += ":" + std::to_string(diagnostic.column);
    out += ": ";
  }
  if (diagnostic.severity == Severity::Warning) out += "warning: ";
  out += diagnostic.message;
  if (with_source_line && !diagnostic.source_line.empty()) {
    out += "\n  " + diagnostic.source_line;
    if (diagnostic.column > 0) out += "\n  " + caret_line(diagnostic.source_line, diagnostic.column);
  }
  if (!diagnostic.hint.empty()) out += "\n  " + diagnostic.hint;
  return out;
}

std::string render(std::span<const Diagnostic> diagnostics, bool with_source_line) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) out += render(diagnostic, with_source_line) + "\n";
  return out;
}

}  // namespace stack::compose
