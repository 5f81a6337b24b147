#include "orchestrator/compose/diagnostic.h"

namespace stack::compose {

namespace {

// Replaces control characters other than tabs with U+FFFD, so that a foreign file cannot control the terminal.
std::string harmless(const std::string& text) {
  constexpr const char* kReplacement = "\xEF\xBF\xBD";
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    bool c1 = byte == 0xC2 && next >= 0x80 && next < 0xA0;
    bool broken =
        byte == 0xC0 || byte == 0xC1 || byte >= 0xF5 || (byte >= 0xC2 && (next & 0xC0U) != 0x80U) ||
        ((byte & 0xC0U) == 0x80U && (out.empty() || static_cast<unsigned char>(text[i - 1]) < 0x80));
    if ((byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f || c1 || broken) {
      out += kReplacement;
      if (c1) ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The indentation of the caret repeats the line's tabs, so that it aligns at any tab width.
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
  out += harmless(diagnostic.message);
  if (with_source_line && !diagnostic.source_line.empty()) {
    out += "\n  " + harmless(diagnostic.source_line);
    if (diagnostic.column > 0) out += "\n  " + caret_line(diagnostic.source_line, diagnostic.column);
  }
  if (!diagnostic.hint.empty()) out += "\n  " + harmless(diagnostic.hint);
  return out;
}

std::string render(std::span<const Diagnostic> diagnostics, bool with_source_line) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) out += render(diagnostic, with_source_line) + "\n";
  return out;
}

}  // namespace stack::compose
