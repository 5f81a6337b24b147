#include "cli/render/template/number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace stack::text_template {

namespace {

// Removes the prefix of the base, and underscores. Nothing if they are wrong.
std::optional<std::string> digits_of(std::string_view text, int& base) {
  base = 10;
  bool prefixed = text.size() > 1 && text[0] == '0';
  if (prefixed) {
    char letter = static_cast<char>(text[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    bool between = (i > 0 ? text[i - 1] != '_' : prefixed) && i + 1 < text.size();
    if (text[i] == '_' && !between) return {};
    if (text[i] != '_') digits += text[i];
  }
  if (digits.empty()) return {};
  return digits;
}

// A decimal number as digits and a power of ten: 0.d1d2d3... * 10^point.
struct Decimal {
  std::string digits;
  int point = 0;
};

Decimal decimal_of(double value, int precision) {
  char text[800];
  auto end = precision < 0
                 ? std::to_chars(text, text + sizeof text, value, std::chars_format::scientific)
                 : std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, precision);
  std::string_view all(text, static_cast<size_t>(end.ptr - text));
  size_t e = all.find('e');
  Decimal decimal;
  for (char c : all.substr(0, e))
    if (c != '.') decimal.digits += c;
  int exponent = 0;
  std::string_view number = all.substr(e + (all[e + 1] == '+' ? 2 : 1));
  std::from_chars(number.data(), number.data() + number.size(), exponent);
  decimal.point = value == 0 ? 1 : exponent + 1;
  return decimal;
}

std::string exponent_text(const Decimal& decimal, char letter) {
  std::string out = decimal.digits.substr(0, 1);
  if (decimal.digits.size() > 1) out += "." + decimal.digits.substr(1);
  int exponent = decimal.point - 1;
  char text[16];
  std::snprintf(text, sizeof text, "%c%c%02d", letter, exponent < 0 ? '-' : '+', std::abs(exponent));
  return out + text;
}

std::string plain_text(const Decimal& decimal) {
  std::string digits = decimal.digits;
  if (decimal.point <= 0) return "0." + std::string(static_cast<size_t>(-decimal.point), '0') + digits;
  auto whole = static_cast<size_t>(decimal.point);
  if (digits.size() <= whole) return digits + std::string(whole - digits.size(), '0');
  return digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string general_text(double value, int precision, int exponent_from, char letter) {
  Decimal decimal = decimal_of(value, precision < 0 ? -1 : std::max(precision, 1) - 1);
  while (decimal.digits.size() > 1 && decimal.digits.back() == '0') decimal.digits.pop_back();
  int limit = precision < 0 ? exponent_from : std::max(precision, 1);
  if (precision >= 0 && limit > static_cast<int>(decimal.digits.size()) &&
      static_cast<int>(decimal.digits.size()) >= decimal.point) {
    limit = static_cast<int>(decimal.digits.size());
  }
  int exponent = decimal.point - 1;
  bool small = exponent < -4;
  return small || exponent >= limit ? exponent_text(decimal, letter) : plain_text(decimal);
}

}  // namespace

std::optional<uint64_t> parse_natural(std::string_view text) {
  int base = 10;
  auto digits = digits_of(text, base);
  if (!digits) return text == "0" ? std::optional<uint64_t>(0) : std::nullopt;
  uint64_t value = 0;
  auto end = std::from_chars(digits->data(), digits->data() + digits->size(), value, base);
  if (end.ec != std::errc() || end.ptr != digits->data() + digits->size()) return {};
  return value;
}

std::optional<int64_t> parse_integer(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  auto value = parse_natural(text);
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  if (!value || *value > kMost + (negative ? 1 : 0)) return {};
  return negative ? static_cast<int64_t>(0 - *value) : static_cast<int64_t>(*value);
}

std::optional<double> parse_real(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  std::string digits;
  for (char c : text)
    if (c != '_') digits += c;
  if (digits.empty() || digits[0] == '-' || digits[0] == '+' || digits[0] == 'i' || digits[0] == 'n')
    return {};
  double value = 0;
  auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value,
                             hex ? std::chars_format::hex : std::chars_format::general);
  if (end.ec != std::errc() || end.ptr != digits.data() + digits.size()) return {};
  return negative ? -value : value;
}

std::string real_text(double value, char format, int precision, int exponent_from) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  std::string sign = std::signbit(value) ? "-" : "";
  value = std::fabs(value);
  char letter = format < 'a' ? 'E' : 'e';
  switch (format | 0x20) {
    case 'e':
      return sign + exponent_text(decimal_of(value, precision), letter);
    case 'f': {
      if (precision < 0) return sign + plain_text(decimal_of(value, -1));
      char text[1400];
      auto end =
          std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, std::min(precision, 1000));
      return sign + std::string(text, end.ptr);
    }
    default:
      return sign + general_text(value, precision, exponent_from, letter);
  }
}

}  // namespace stack::text_template
