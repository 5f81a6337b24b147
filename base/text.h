// Small text operations.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stack {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
std::string upper(std::string_view text);
// Like isspace(3) in the C locale, for any char.
bool is_space(char c);
bool is_all_digits(std::string_view text);  // false for ""
// The candidate closest to `word` by edit distance, or "" if none is close enough.
std::string nearest(std::string_view word, std::span<const std::string> candidates);
// Single-quotes a word for a POSIX shell if necessary.
std::string shell_quote(std::string_view word);

}  // namespace stack
