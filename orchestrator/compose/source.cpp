#include "orchestrator/compose/source.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace stack::compose {

namespace {

void append_utf8(std::string& out, uint32_t code) {
  auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code >= 0xd800 && code < 0xe000) return put(0xff);  // no character
  auto rest = [&](int shift) { put(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    rest(6);
  } else {
    put(0xf0 | code >> 18);
    rest(12);
    rest(6);
  }
  rest(0);
}

// YAML allows UTF-16 with a byte order mark (YAML 1.2, 5.2), as PowerShell writes it. A surrogate without its partner becomes a byte that is not UTF-8,
// so that it is reported.
std::string to_utf8(std::string text) {
  bool little = text.starts_with("\xFF\xFE");
  if (!little && !text.starts_with("\xFE\xFF")) return text;
  auto unit = [&](size_t at) {
    auto first = static_cast<unsigned char>(text[at]);
    auto second = static_cast<unsigned char>(text[at + 1]);
    return static_cast<uint32_t>(little ? second << 8 | first : first << 8 | second);
  };
  std::string out;
  for (size_t at = 2; at + 1 < text.size(); at += 2) {
    uint32_t code = unit(at);
    bool high = code >= 0xd800 && code < 0xdc00 && at + 3 < text.size();
    uint32_t low = high ? unit(at + 2) : 0;
    if (low >= 0xdc00 && low < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      at += 2;
    }
    append_utf8(out, code);
  }
  return out;
}

}  // namespace

uint32_t Sources::add(std::string name, std::string path, std::string directory, std::string text) {
  Source source{std::move(name), std::move(path), std::move(directory), to_utf8(std::move(text)), {0}};
  for (size_t at = source.text.find('\n'); at != std::string::npos; at = source.text.find('\n', at + 1))
    source.line_starts.push_back(at + 1);
  sources_.push_back(std::move(source));
  return static_cast<uint32_t>(sources_.size());
}

std::string_view Sources::line(uint32_t file, uint32_t line) const {
  if (file == 0 || file > sources_.size() || line == 0) return {};
  const Source& source = sources_[file - 1];
  if (line > source.line_starts.size()) return {};
  std::string_view text = source.text;
  text.remove_prefix(source.line_starts[line - 1]);
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

uint32_t Sources::character_column(Mark mark) const {
  if (mark.column == 0) return 0;
  std::string_view before = line(mark.file, mark.line).substr(0, mark.column - 1);
  auto continuation = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  auto extra = static_cast<uint32_t>(std::count_if(before.begin(), before.end(), continuation));
  return mark.column - extra;
}

std::string Sources::place(Mark mark) const {
  if (mark.file == 0) return {};
  std::string out = at(mark.file).name;
  if (mark.line == 0) return out;
  out += ":" + std::to_string(mark.line);
  if (mark.column > 0) out += ":" + std::to_string(character_column(mark));
  return out;
}

Diagnostic Report::make(Severity severity, Mark mark, std::string message, std::string hint) const {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  if (mark.file != 0) {
    diagnostic.file = sources_.at(mark.file).name;
    diagnostic.line = mark.line;
    diagnostic.column = sources_.character_column(mark);
    // A line of a hostile file may be a megabyte long.
    diagnostic.source_line = sources_.line(mark.file, mark.line).substr(0, 400);
  }
  return diagnostic;
}

void Report::add(Diagnostic diagnostic) {
  auto& list = diagnostic.severity == Severity::Error ? errors_ : warnings_;
  if (list.size() >= kMost) return;
  if (std::find(list.begin(), list.end(), diagnostic) == list.end()) list.push_back(std::move(diagnostic));
}

// Drops surplus messages early: computing the line and column is expensive on long lines.
void Report::error(Mark mark, std::string message, std::string hint) {
  if (!full()) add(make(Severity::Error, mark, std::move(message), std::move(hint)));
}

void Report::warning(Mark mark, std::string message, std::string hint) {
  if (warnings_.size() < kMost) add(make(Severity::Warning, mark, std::move(message), std::move(hint)));
}

namespace {

// Files are ordered by their first message.
std::vector<Diagnostic> by_place(std::vector<Diagnostic> list) {
  std::vector<std::string> files;
  for (const Diagnostic& one : list)
    if (std::find(files.begin(), files.end(), one.file) == files.end()) files.push_back(one.file);
  auto rank = [&](const Diagnostic& one) {
    return std::find(files.begin(), files.end(), one.file) - files.begin();
  };
  std::stable_sort(list.begin(), list.end(), [&](const Diagnostic& a, const Diagnostic& b) {
    return std::make_tuple(rank(a), a.line, a.column) < std::make_tuple(rank(b), b.line, b.column);
  });
  return list;
}

}  // namespace

std::vector<Diagnostic> Report::take_errors() { return by_place(std::exchange(errors_, {})); }
std::vector<Diagnostic> Report::take_warnings() { return by_place(std::exchange(warnings_, {})); }

}  // namespace stack::compose
