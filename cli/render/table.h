// Columns of text in Docker's format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stack::cli {

// Number of characters (not bytes) of a UTF-8 text, without escape sequences.
size_t display_width(std::string_view text);
// Escapes control characters ("\n", "\x1b"), so that foreign text cannot control the terminal.
std::string printable(std::string_view text);
// At most `width` characters; a longer text is cut and ends in "…".
std::string ellipsis(std::string_view text, size_t width);

class Table {
 public:
  // Pads cells to the widest cell of the column plus three blanks, at least to `least_width`. Does not pad the last
  // column.
  explicit Table(std::vector<std::string> header, size_t least_width = 10);
  // Escapes control characters in the cells.
  void add(std::vector<std::string> row);
  bool empty() const { return rows_.size() <= 1; }
  // The header and the rows, each ended by '\n'.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  size_t least_width_;
};

}  // namespace stack::cli
