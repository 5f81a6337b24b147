// Columns of text, as Docker prints them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stack::cli {

// Characters of a UTF-8 text (not bytes); escape sequences count nothing.
size_t display_width(std::string_view text);
// Control characters as escapes ("\n", "\x1b"), so that what others wrote cannot steer the terminal.
std::string printable(std::string_view text);
// At most `width` characters; a longer text ends in "…".
std::string ellipsis(std::string_view text, size_t width);

class Table {
 public:
  // Cells are padded to the widest of their column plus three blanks, at least to `least_width`; the last is
  // not padded.
  explicit Table(std::vector<std::string> header, size_t least_width = 10);
  // Control characters of the cells are escaped.
  void add(std::vector<std::string> row);
  bool empty() const { return rows_.size() <= 1; }
  // The header and the rows, each ended by '\n'.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  size_t least_width_;
};

}  // namespace stack::cli
