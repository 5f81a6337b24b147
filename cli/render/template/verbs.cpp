#include "cli/render/template/verbs.h"

#include <algorithm>

#include "cli/render/template/number.h"
#include "cli/render/template/print.h"
#include "cli/render/template/unicode.h"

namespace stack::text_template {

namespace {

// Addresses mean nothing to the reader; one that looks like Go's stands for all.
constexpr const char* kAddress = "0xc000010000";

std::string digits_in(uint64_t amount, unsigned base, bool upper) {
  std::string digits;
  do {
    digits += (upper ? "0123456789ABCDEF" : "0123456789abcdef")[amount % base];
    amount /= base;
  } while (amount > 0);
  std::ranges::reverse(digits);
  return digits;
}

std::string first_runes(const std::string& text, int count) {
  size_t at = 0;
  for (int i = 0; i < count && at < text.size(); ++i) at += rune_at(text, at).size;
  return text.substr(0, at);
}

bool can_be_backquoted(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '`' || c == 0x7f; });
}

}  // namespace

void VerbPrinter::pad(std::string_view text, bool zeros) {
  size_t width = flags_.width < 0 ? 0 : static_cast<size_t>(flags_.width);
  size_t count = rune_count(text);
  std::string padding(width > count ? width - count : 0, zeros && !flags_.minus ? '0' : ' ');
  if (!flags_.minus) out_ += padding;
  out_ += text;
  if (flags_.minus) out_ += padding;
}

void VerbPrinter::print(const Value& value, char32_t verb) {
  if (!value.is_valid()) {
    if (verb == 'T' || verb == 'v') return pad("<nil>", false);
    return bad_verb(value, verb);
  }
  if (value.is(Kind::Any)) return print(value.concrete(), verb);
  if (verb == 'T') return print_text(value.type().name, Value::of(value.type().name), 's');
  print_value(value, verb, 0);
}

void VerbPrinter::bad_verb(const Value& value, char32_t verb) {
  out_ += "%!" + utf8_of(verb) + "(";
  if (value.is_valid()) {
    out_ += value.type().name + "=";
    print_value(value, 'v', 0);
  } else {
    out_ += "<nil>";
  }
  out_ += ")";
}

void VerbPrinter::print_value(const Value& value, char32_t verb, int depth) {
  const Type& type = value.type();
  bool text_verb = verb == 'v' || verb == 's' || verb == 'q' || verb == 'x' || verb == 'X';
  if (text_verb && !flags_.go_syntax && has_text_method(type))
    return value.is_nil() ? pad("<nil>", false) : print_text(method_text(value), value, verb);
  switch (type.kind) {
    case Kind::Bool:
      if (verb != 't' && verb != 'v') return bad_verb(value, verb);
      return pad(value.boolean() ? "true" : "false", flags_.zero);
    case Kind::Int: {
      int64_t number = value.integer();
      uint64_t amount = static_cast<uint64_t>(number);
      return print_integer(number < 0, number < 0 ? 0 - amount : amount, true, value, verb);
    }
    case Kind::Uint:
      return print_integer(false, value.natural(), false, value, verb);
    case Kind::Float:
      return print_real(value.real(), value, verb);
    case Kind::String:
      return print_text(value.text(), value, verb);
    case Kind::Slice:
    case Kind::Array:
      return print_list(value, verb, depth);
    case Kind::Map:
      return print_map(value, verb, depth);
    case Kind::Struct:
      return print_structure(value, verb, depth);
    case Kind::Pointer:
      return print_pointer(value, verb, depth);
    case Kind::Any:
      if (value.is_nil()) {
        out_ += flags_.go_syntax ? "interface {}(nil)" : "<nil>";
        return;
      }
      return print_value(value.concrete(), verb, depth + 1);
  }
}

void VerbPrinter::print_integer(bool negative, uint64_t amount, bool is_signed, const Value& value,
                                char32_t verb) {
  switch (verb) {
    case 'v':
      if (flags_.go_syntax && !is_signed) {
        out_ += "0x" + digits_in(amount, 16, false);
        return;
      }
      return print_digits(negative, amount, 10, verb, false);
    case 'd':
      return print_digits(negative, amount, 10, verb, false);
    case 'b':
      return print_digits(negative, amount, 2, verb, false);
    case 'o':
    case 'O':
      return print_digits(negative, amount, 8, verb, false);
    case 'x':
      return print_digits(negative, amount, 16, verb, false);
    case 'X':
      return print_digits(negative, amount, 16, verb, true);
    case 'c':
      return pad(utf8_of(negative || amount > 0x10ffff ? 0xfffd : static_cast<char32_t>(amount)),
                 flags_.zero);
    case 'q':
      return pad(
          quote_rune(negative || amount > 0x10ffff ? 0xfffd : static_cast<char32_t>(amount), flags_.plus),
          flags_.zero);
    case 'U': {
      std::string digits = digits_in(amount, 16, true);
      return pad("U+" + std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits, false);
    }
    default:
      return bad_verb(value, verb);
  }
}

void VerbPrinter::print_digits(bool negative, uint64_t amount, unsigned base, char32_t verb, bool upper) {
  std::string digits = digits_in(amount, base, upper);
  int least = std::max(flags_.precision, 0);
  if (flags_.precision < 0 && flags_.zero && !flags_.minus && flags_.width > 0)
    least = flags_.width - (negative || flags_.plus || flags_.space ? 1 : 0);
  if (flags_.precision == 0 && amount == 0) return pad("", false);
  if (static_cast<int>(digits.size()) < least)
    digits.insert(0, static_cast<size_t>(least) - digits.size(), '0');
  if (flags_.sharp) {
    if (base == 2) digits.insert(0, "0b");
    if (base == 8 && digits[0] != '0') digits.insert(0, "0");
    if (base == 16) digits.insert(0, upper ? "0X" : "0x");
  }
  if (verb == 'O') digits.insert(0, "0o");
  std::string sign = negative ? "-" : flags_.plus ? "+" : flags_.space ? " " : "";
  pad(sign + digits, false);
}

void VerbPrinter::print_real(double number, const Value& value, char32_t verb) {
  if (verb > 0x7f || std::string_view("vgGfFeE").find(static_cast<char>(verb)) == std::string_view::npos)
    return bad_verb(value, verb);
  char format = verb == 'v' ? 'g' : static_cast<char>(verb);
  bool fixed = (format | 0x20) != 'g';
  std::string text = real_text(number, format, flags_.precision >= 0 ? flags_.precision : fixed ? 6 : -1);
  bool is_number = text.find_first_of("Nn") == std::string::npos;
  if (text[0] == '+') text.erase(0, 1);
  bool negative = text[0] == '-';
  std::string sign = negative ? "-" : flags_.plus ? "+" : flags_.space ? " " : "";
  std::string digits = text.substr(negative ? 1 : 0);
  size_t taken = sign.size() + digits.size();
  size_t width = flags_.width < 0 ? 0 : static_cast<size_t>(flags_.width);
  if (is_number && flags_.zero && !flags_.minus && width > taken) digits.insert(0, width - taken, '0');
  pad(sign + digits, false);
}

void VerbPrinter::print_hex(std::string_view bytes, bool upper) {
  if (flags_.precision >= 0) bytes = bytes.substr(0, static_cast<size_t>(flags_.precision));
  std::string prefix = flags_.sharp ? (upper ? "0X" : "0x") : "";
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (flags_.space && i > 0) text += ' ';
    if (i == 0 || flags_.space) text += prefix;
    std::string digits = digits_in(static_cast<unsigned char>(bytes[i]), 16, upper);
    text += digits.size() < 2 ? "0" + digits : digits;
  }
  pad(text, flags_.zero);
}

void VerbPrinter::print_text(const std::string& text, const Value& value, char32_t verb) {
  switch (verb) {
    case 'v':
      if (flags_.go_syntax) return pad(quote_text(text), flags_.zero);
      [[fallthrough]];
    case 's':
      return pad(flags_.precision >= 0 ? first_runes(text, flags_.precision) : text, flags_.zero);
    case 'x':
    case 'X':
      return print_hex(text, verb == 'X');
    case 'q': {
      std::string shown = flags_.precision >= 0 ? first_runes(text, flags_.precision) : text;
      if (flags_.sharp && can_be_backquoted(shown)) return pad("`" + shown + "`", flags_.zero);
      return pad(quote_text(shown, flags_.plus), flags_.zero);
    }
    default:
      bad_verb(value, verb);
  }
}

void VerbPrinter::print_list(const Value& value, char32_t verb, int depth) {
  if (flags_.go_syntax) {
    out_ += value.type().name;
    if (value.is_nil()) {
      out_ += "(nil)";
      return;
    }
  }
  out_ += flags_.go_syntax ? '{' : '[';
  for (size_t i = 0; i < value.length(); ++i) {
    if (i > 0) out_ += flags_.go_syntax ? ", " : " ";
    print_value(value.at(i), verb, depth + 1);
  }
  out_ += flags_.go_syntax ? '}' : ']';
}

void VerbPrinter::print_map(const Value& value, char32_t verb, int depth) {
  out_ += flags_.go_syntax ? value.type().name : "map";
  if (flags_.go_syntax && value.is_nil()) {
    out_ += "(nil)";
    return;
  }
  out_ += flags_.go_syntax ? '{' : '[';
  bool first = true;
  for (const auto& [key, element] : value.entries()) {
    if (!first) out_ += flags_.go_syntax ? ", " : " ";
    first = false;
    print_value(key, verb, depth + 1);
    out_ += ':';
    print_value(element, verb, depth + 1);
  }
  out_ += flags_.go_syntax ? '}' : ']';
}

void VerbPrinter::print_structure(const Value& value, char32_t verb, int depth) {
  if (flags_.go_syntax) out_ += value.type().name;
  out_ += '{';
  bool first = true;
  for (const Field& field : value.type().fields) {
    if (!first) out_ += flags_.go_syntax ? ", " : " ";
    first = false;
    if (flags_.with_names || flags_.go_syntax) out_ += field.name + ":";
    print_value(value.field(field), verb, depth + 1);
  }
  out_ += '}';
}

void VerbPrinter::print_pointer(const Value& value, char32_t verb, int depth) {
  if (depth == 0 && !value.is_nil()) {
    Kind kind = value.type().element->kind;
    if (kind == Kind::Struct || kind == Kind::Map || kind == Kind::Slice || kind == Kind::Array) {
      out_ += '&';
      return print_value(value.target(), verb, depth + 1);
    }
  }
  if (verb != 'v' && verb != 'p') return bad_verb(value, verb == 'v' ? 'p' : verb);
  if (flags_.go_syntax) {
    out_ += "(" + value.type().name + ")(" + (value.is_nil() ? "nil" : kAddress) + ")";
  } else {
    pad(value.is_nil() ? "<nil>" : kAddress, false);
  }
}

}  // namespace stack::text_template
