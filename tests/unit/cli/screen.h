// A terminal as far as progress needs it: cursor up, erase line, erase below, colors, wrapping, and scrolling.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace stack::cli {

class Screen {
 public:
  Screen(size_t columns, size_t rows) : columns_(columns), rows_(rows), lines_(rows) {}

  // Output may arrive in pieces that end in the middle of a sequence or character.
  void print(std::string_view text) {
    pending_ += text;
    size_t at = 0;
    while (at < pending_.size()) {
      size_t length = length_of_unit(std::string_view(pending_).substr(at));
      if (length == 0) break;
      unit(std::string_view(pending_).substr(at, length));
      at += length;
    }
    pending_.erase(0, at);
  }
  // Lines that left the screen at the top: what a user finds when scrolling back.
  const std::vector<std::string>& scrollback() const { return scrollback_; }
  const std::vector<std::string>& lines() const { return lines_; }
  bool shows(std::string_view text) const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }

 private:
  // Of an escape sequence, character, or control character; 0 if it is incomplete.
  static size_t length_of_unit(std::string_view text) {
    auto first = static_cast<unsigned char>(text[0]);
    if (text[0] == '\x1b') {
      size_t end = 2;
      while (end < text.size() && (text[end] < '@' || text[end] > '~')) ++end;
      return end < text.size() ? end + 1 : 0;
    }
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    return length <= text.size() ? length : 0;
  }
  void unit(std::string_view text) {
    if (text[0] == '\x1b') return escape(text);
    if (text[0] == '\n') {
      column_ = 0;
      return next_line();
    }
    if (column_ == columns_) {
      column_ = 0;
      next_line();
    }
    if (column_ == 0) lines_[row_].clear();
    lines_[row_] += text;
    ++column_;
  }
  void escape(std::string_view text) {
    size_t count = 0;
    for (char c : text.substr(2, text.size() - 3)) count = count * 10 + static_cast<size_t>(c - '0');
    if (text.back() == 'A') row_ -= std::min(row_, std::max<size_t>(count, 1));
    if (text.back() == 'K') lines_[row_].clear();
    if (text.back() == 'J') std::fill(lines_.begin() + static_cast<ptrdiff_t>(row_), lines_.end(), "");
  }
  void next_line() {
    if (++row_ < rows_) return;
    scrollback_.push_back(lines_.front());
    lines_.erase(lines_.begin());
    lines_.emplace_back();
    row_ = rows_ - 1;
  }

  size_t columns_;
  size_t rows_;
  size_t row_ = 0;
  size_t column_ = 0;
  std::vector<std::string> lines_;
  std::vector<std::string> scrollback_;
  std::string pending_;
};

}  // namespace stack::cli
