#include "cli/render/template/unicode.h"

#include <cstdio>

namespace stack::text_template {

namespace {

constexpr char32_t kReplacement = 0xfffd;

std::string hex(char32_t code, int digits) {
  char text[16];
  std::snprintf(text, sizeof text, "%0*x", digits, static_cast<unsigned>(code));
  return text;
}

bool is_surrogate(char32_t code) { return code >= 0xd800 && code <= 0xdfff; }

void append_escaped(std::string& out, Rune rune, unsigned char byte, char quote, bool ascii) {
  if (!rune.valid) {
    out += "\\x" + hex(byte, 2);
    return;
  }
  char32_t code = rune.code;
  if (code == static_cast<unsigned char>(quote) || code == '\\') {
    out += {'\\', static_cast<char>(code)};
  } else if (ascii ? code >= 0x20 && code < 0x7f : is_printable(code)) {
    out += utf8_of(code);
  } else if (constexpr std::string_view kNames = "abtnvfr"; code >= 7 && code <= 13) {
    out += {'\\', kNames[code - 7]};
  } else if (code < ' ' || code == 0x7f) {
    out += "\\x" + hex(code, 2);
  } else if (code < 0x10000) {
    out += "\\u" + hex(code, 4);
  } else {
    out += "\\U" + hex(code, 8);
  }
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

// Reads `count` digits of `base` at `at`, and moves past them.
std::optional<char32_t> number_at(std::string_view text, size_t& at, size_t count, int base) {
  if (at + count > text.size()) return {};
  char32_t value = 0;
  for (size_t end = at + count; at < end; ++at) {
    int digit = digit_of(text[at]);
    if (digit >= base) return {};
    value = value * static_cast<char32_t>(base) + static_cast<char32_t>(digit);
  }
  return value;
}

// After a backslash. False for a wrong sequence.
bool append_unescaped(std::string& out, std::string_view text, size_t& at, char quote) {
  char c = text[at++];
  constexpr std::string_view kNames = "abtnvfr";
  if (size_t name = kNames.find(c); name != std::string_view::npos) {
    out += static_cast<char>(7 + name);
    return true;
  }
  if (c == '\\' || c == quote) {
    out += c;
    return true;
  }
  if (c == 'x' || (c >= '0' && c <= '7')) {
    if (c != 'x') --at;
    auto value = c == 'x' ? number_at(text, at, 2, 16) : number_at(text, at, 3, 8);
    if (!value || *value > 255) return false;
    out += static_cast<char>(*value);
    return true;
  }
  if (c != 'u' && c != 'U') return false;
  auto value = number_at(text, at, c == 'u' ? 4 : 8, 16);
  if (!value || *value > 0x10ffff || is_surrogate(*value)) return false;
  out += utf8_of(*value);
  return true;
}

}  // namespace

Rune rune_at(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(at);
  if (first < 0x80) return {first, 1};
  size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const Rune invalid{kReplacement, 1, false};
  if (first < 0xc2 || first > 0xf4 || at + size > text.size()) return invalid;
  char32_t code = first & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return invalid;
    code = code << 6 | (byte(at + i) & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[size] || code > 0x10ffff || is_surrogate(code)) return invalid;
  return {code, size};
}

std::string utf8_of(char32_t code) {
  if (code > 0x10ffff || is_surrogate(code)) code = kReplacement;
  auto tail = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xc0 | code >> 6), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xe0 | code >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | code >> 18), tail(12), tail(6), tail(0)};
}

size_t rune_count(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += rune_at(text, at).size) ++count;
  return count;
}

bool is_letter_or_digit(char32_t code) {
  if (code < 0x80) {
    return code == '_' || (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') ||
           (code >= 'A' && code <= 'Z');
  }
  bool symbol = code < 0xc0 && code != 0xaa && code != 0xb5 && code != 0xba;
  return !symbol && code != 0xd7 && code != 0xf7 && !(code >= 0x2000 && code < 0x2c00) &&
         !(code >= 0x3000 && code < 0x3005) && !(code >= 0xe000 && code < 0xf900) && code != kReplacement &&
         !(code >= 0x1f000 && code < 0x20000);
}

bool is_printable(char32_t code) {
  if (code < 0x20 || (code >= 0x7f && code <= 0xa0) || code == 0xad) return false;
  bool format = (code >= 0x2000 && code <= 0x200f) || (code >= 0x2028 && code <= 0x202f) ||
                (code >= 0x205f && code <= 0x206f) || code == 0x3000 || code == 0xfeff;
  return !format && !(code >= 0xe000 && code < 0xf900) && !is_surrogate(code) && code < 0xe0000;
}

std::string unicode_name(char32_t code) {
  char text[16];
  std::snprintf(text, sizeof text, "U+%04X", static_cast<unsigned>(code));
  std::string name = text;
  return is_printable(code) ? name + " '" + utf8_of(code) + "'" : name;
}

std::string quote_text(std::string_view text, bool ascii) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    Rune rune = rune_at(text, at);
    append_escaped(out, rune, static_cast<unsigned char>(text[at]), '"', ascii);
    at += rune.size;
  }
  return out + "\"";
}

std::string quote_rune(char32_t code, bool ascii) {
  if (code > 0x10ffff || is_surrogate(code)) code = kReplacement;
  std::string out = "'";
  append_escaped(out, {code, 1}, 0, '\'', ascii);
  return out + "'";
}

std::optional<std::string> unquoted(std::string_view literal) {
  if (literal.size() < 2) return {};
  char quote = literal.front();
  std::string_view inner = literal.substr(1, literal.size() - 2);
  std::string out;
  for (size_t at = 0; at < inner.size();) {
    char c = inner[at++];
    if (quote == '`') {
      if (c != '\r') out += c;
    } else if (c != '\\') {
      out += c;
    } else if (at >= inner.size() || !append_unescaped(out, inner, at, quote)) {
      return {};
    }
  }
  return out;
}

}  // namespace stack::text_template
