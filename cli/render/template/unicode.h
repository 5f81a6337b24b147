// Characters and quoting as Go's strconv and unicode packages do them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stack::text_template {

struct Rune {
  char32_t code = 0;
  size_t size = 1;  // bytes
  bool valid = true;
};

// The character at `at`, which must be inside `text`; U+FFFD of one byte for invalid UTF-8.
Rune rune_at(std::string_view text, size_t at);
std::string utf8_of(char32_t code);
size_t rune_count(std::string_view text);

// "_", letters, and digits; every character above ASCII that is not a control, blank, or known symbol is a letter.
bool is_letter_or_digit(char32_t code);
bool is_printable(char32_t code);
// "U+002F '/'"
std::string unicode_name(char32_t code);

// Go's "..." (%q); all above ASCII escaped if `ascii`.
std::string quote_text(std::string_view text, bool ascii = false);
std::string quote_rune(char32_t code, bool ascii = false);
// The text of a literal with its quotes: "...", `...`, or '.'; nothing if an escape sequence is wrong.
std::optional<std::string> unquoted(std::string_view literal);

}  // namespace stack::text_template
