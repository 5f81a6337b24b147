// The source texts, kept so that every message can show its line.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/compose/diagnostic.h"

namespace stack::compose {

// A position in a source. Line and column are 1-based; the column counts bytes. file 0: no position.
struct Mark {
  uint32_t file = 0;
  uint32_t line = 0;
  uint32_t column = 0;
  auto operator<=>(const Mark&) const = default;
};

struct Source {
  std::string name;       // as named by the user
  std::string path;       // absolute; "-" for standard input
  std::string directory;  // base of its relative paths
  std::string text;
  std::vector<size_t> line_starts;
};

class Sources {
 public:
  // Returns the file number for marks. A file loaded for two directories counts as two sources.
  uint32_t add(std::string name, std::string path, std::string directory, std::string text);
  // Precondition: file is a number returned by add().
  const Source& at(uint32_t file) const { return sources_.at(file - 1); }
  // The text of a line without its line break; "" if the line does not exist.
  std::string_view line(uint32_t file, uint32_t line) const;
  // "compose.yaml:3:5", or "" for a mark without a position.
  std::string place(Mark mark) const;
  // Column in characters for a column in bytes.
  uint32_t character_column(Mark mark) const;

 private:
  std::deque<Source> sources_;
};

// Collects errors and warnings, once per position and text.
class Report {
 public:
  explicit Report(const Sources& sources) : sources_(sources) {}

  void error(Mark mark, std::string message, std::string hint = {});
  void warning(Mark mark, std::string message, std::string hint = {});
  void add(Diagnostic diagnostic);

  bool failed() const { return !errors_.empty(); }
  // Whether more errors would be dropped; callers can then skip expensive hints.
  bool full() const { return errors_.size() >= kMost; }
  // Sorted by position; at most kMost.
  std::vector<Diagnostic> take_errors();
  std::vector<Diagnostic> take_warnings();
  const Sources& sources() const { return sources_; }

  static constexpr size_t kMost = 100;

 private:
  Diagnostic make(Severity severity, Mark mark, std::string message, std::string hint) const;

  const Sources& sources_;
  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> warnings_;
};

}  // namespace stack::compose
