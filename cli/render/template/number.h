// Numbers of templates, as Go's strconv reads and writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stack::text_template {

// Literals: 12, 0x1f, 0b1, 0o17, 017, 1_000 with a sign; nothing if they are wrong or do not fit.
std::optional<uint64_t> parse_natural(std::string_view text);
std::optional<int64_t> parse_integer(std::string_view text);
std::optional<double> parse_real(std::string_view text);

// Formats 'e', 'f', or 'g' (also upper case); precision -1 is the fewest digits that read back as the same number.
// `exponent_from` is the exponent from which 'g' turns to 'e' without a precision.
std::string real_text(double value, char format, int precision, int exponent_from = 6);

}  // namespace stack::text_template
