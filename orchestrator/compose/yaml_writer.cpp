#include "orchestrator/compose/yaml_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"

namespace stack::compose {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// 1:30, which YAML 1.1 reads as a base-60 number.
bool is_base_60(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return false;
  if (text[0] == '-' || text[0] == '+') text.remove_prefix(1);
  if (text.empty() || !is_digit(text[0])) return false;
  std::string_view whole = text.substr(0, text.find('.'));
  std::vector<std::string> parts = split(whole, ':');
  for (size_t i = 0; i < parts.size(); ++i) {
    bool good = !parts[i].empty() &&
                parts[i].find_first_not_of(i == 0 ? "0123456789_" : "0123456789") == std::string::npos;
    if (!good || (i > 0 && (parts[i].size() > 2 || (parts[i].size() == 2 && parts[i][0] > '5'))))
      return false;
  }
  if (parts.size() < 2) return false;
  std::string_view fraction = text.substr(whole.size());
  return fraction.empty() || fraction.substr(1).find_first_not_of("0123456789_") == std::string_view::npos;
}

// YAML 1.1 booleans, quoted for older parsers.
bool is_old_boolean(std::string_view text) {
  if (text.size() > 3) return false;
  static constexpr std::array<std::string_view, 16> kWords{
      "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"};
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

// 2001-02-03, optionally with a time.
bool is_timestamp(std::string_view text) {
  auto digits = [&](size_t count) {
    for (size_t i = 0; i < count; ++i, text.remove_prefix(1))
      if (text.empty() || !is_digit(text[0])) return false;
    return true;
  };
  auto letter = [&](std::string_view allowed) {
    if (text.empty() || allowed.find(text[0]) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
  };
  auto number = [&] {
    if (!digits(1)) return false;
    if (!text.empty() && is_digit(text[0])) text.remove_prefix(1);
    return true;
  };
  if (!digits(4) || !letter("-") || !number() || !letter("-") || !number()) return false;
  if (text.empty()) return true;
  if (!letter("Tt ") || !number() || !letter(":") || !number() || !letter(":") || !number()) return false;
  if (letter("."))
    while (!text.empty() && is_digit(text[0])) text.remove_prefix(1);
  return text.empty() || text == "Z" || text[0] == '+' || text[0] == '-' || text[0] == ' ';
}

bool reads_as_string(std::string_view text) {
  return type_of_plain(text) == ScalarType::String && text != "<<" && text != "=" && !is_timestamp(text) &&
         !is_base_60(text) && !is_old_boolean(text);
}

// The output styles that a text's characters allow.
struct Analysis {
  bool plain = true;
  bool single_quoted = true;
  bool block = true;
};

// The length of the UTF-8 sequence at `at`, or 0 if it must be escaped.
size_t printable(std::string_view text, size_t at) {
  auto byte = [&](size_t offset) {
    return at + offset < text.size() ? static_cast<unsigned char>(text[at + offset]) : 0U;
  };
  unsigned first = byte(0);
  if (first == '\n' || (first >= 0x20 && first <= 0x7e)) return 1;
  if (first == 0xC2) return byte(1) >= 0xA0 ? 2 : 0;
  if (first > 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xED) return 3;
  if (first == 0xED) return byte(1) < 0xA0 ? 3 : 0;
  if (first == 0xEE) return 3;
  if (first == 0xEF) {
    bool mark = byte(1) == 0xBB && byte(2) == 0xBF;
    bool none = byte(1) == 0xBF && (byte(2) == 0xBE || byte(2) == 0xBF);
    return mark || none ? 0 : 3;
  }
  return 0;
}

// Fast path for most texts: a letter or slash, then letters, digits, and signs without special meaning in YAML.
bool is_harmless(std::string_view text) {
  if (text.empty() || is_digit(text[0]) || text[0] == '-' || text[0] == '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '-' && c <= '9') || c == '_';
  });
}

// The indicator rules of libyaml's emitter, for block context.
Analysis analyze(std::string_view text) {
  Analysis out;
  if (is_harmless(text)) return out;
  bool special = false;
  bool space_break = false;
  bool tabs = false;
  if (text.empty()) out.plain = false;
  if (text.starts_with("---") || text.starts_with("...")) out.plain = false;
  for (size_t i = 0; i < text.size();) {
    char c = text[i];
    bool blank_next =
        i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n' || text[i + 1] == '\t';
    bool blank_before = i == 0 || text[i - 1] == ' ' || text[i - 1] == '\n' || text[i - 1] == '\t';
    if (i == 0) {
      if (std::string_view("#,[]{}&*!|>'\"%@`").find(c) != std::string_view::npos) out.plain = false;
      if ((c == '?' || c == '-' || c == ':') && blank_next) out.plain = false;
    } else {
      if (c == ':' && blank_next) out.plain = false;
      if (c == '#' && blank_before) out.plain = false;
    }
    if (c == ' ' && i + 1 < text.size() && text[i + 1] == '\n') space_break = true;
    if (c == '\t') tabs = true;
    if (c == '\n') out.plain = false;
    size_t length = c == '\t' ? 1 : printable(text, i);
    if (length == 0) {
      special = true;
      length = 1;
    }
    i += length;
  }
  if (!text.empty() && (text.front() == ' ' || text.back() == ' ')) out.plain = false;
  if (!text.empty() && text.back() == ' ') out.block = false;
  if (space_break || tabs || special) out.plain = out.single_quoted = false;
  if (space_break || special) out.block = false;
  return out;
}

std::string escape_code(uint32_t code) {
  std::array<char, 16> text{};
  const char* format = code <= 0xff ? "\\x%02X" : code <= 0xffff ? "\\u%04X" : "\\U%08X";
  std::snprintf(text.data(), text.size(), format, code);
  return text.data();
}

uint32_t decode_utf8(std::string_view text, size_t& at) {
  auto first = static_cast<unsigned char>(text[at++]);
  int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  uint32_t code = more == 3 ? first & 0x07U : more == 2 ? first & 0x0FU : more == 1 ? first & 0x1FU : first;
  while (more-- > 0 && at < text.size()) code = code << 6U | (static_cast<unsigned char>(text[at++]) & 0x3FU);
  return code;
}

std::string double_quoted(std::string_view text) {
  static constexpr std::string_view kNamed = "\0\a\b\t\n\v\f\r\x1b\"\\";
  static constexpr std::string_view kLetters = "0abtnvfre\"\\";
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    size_t named = std::string_view(kNamed.data(), 11).find(text[i]);
    size_t length = printable(text, i);
    if (named != std::string_view::npos) {
      out += '\\';
      out += kLetters[named];
      ++i;
    } else if (length > 0) {
      out += text.substr(i, length);
      i += length;
    } else {
      out += escape_code(decode_utf8(text, i));
    }
  }
  return out + '"';
}

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + '\'';
}

// Longer keys use the "? " indicator, because parsers limit the search for the colon.
constexpr size_t kLongestSimpleKey = 128;

class YamlWriter {
 public:
  // Writes the node after "key:" or "- ", or at the start.
  void value(const Node& node, int indent) {
    switch (node.kind) {
      case NodeKind::Map:
        return map(node, indent);
      case NodeKind::List:
        return list(node, indent);
      case NodeKind::Scalar:
        return scalar(node, indent);
      default:
        out += "null\n";
    }
  }

  std::string out;

 private:
  static bool empty(const Node& node) { return node.entries.empty() && node.items.empty(); }

  void pad(int indent) { out.append(static_cast<size_t>(indent), ' '); }

  void map(const Node& node, int indent) {
    if (empty(node)) {
      out += "{}\n";
      return;
    }
    bool first = true;
    for (const Entry& entry : node.entries) {
      if (!first) pad(indent);
      first = false;
      if (entry.key.size() > kLongestSimpleKey) {
        out += "? ";
        key(entry.key);
        out += '\n';
        pad(indent);
      } else {
        key(entry.key);
      }
      out += ':';
      child(entry.value, indent + 2);
    }
  }

  // A collection starts on the next line; other nodes stay after the colon.
  void child(const Node& node, int indent) {
    bool block = (node.is_map() || node.is_list()) && !empty(node);
    if (block) {
      out += '\n';
      pad(indent);
    } else {
      out += ' ';
    }
    value(node, indent);
  }

  void list(const Node& node, int indent) {
    if (empty(node)) {
      out += "[]\n";
      return;
    }
    bool first = true;
    for (const Node& item : node.items) {
      if (!first) pad(indent);
      first = false;
      out += "- ";
      value(item, indent + 2);
    }
  }

  void key(const std::string& text) {
    Analysis allowed = analyze(text);
    if (!reads_as_string(text) || !(allowed.plain || allowed.single_quoted)) {
      out += double_quoted(text);
    } else {
      out += allowed.plain ? text : single_quoted(text);
    }
  }

  void scalar(const Node& node, int indent) {
    if (!node.string && node.type() != ScalarType::String) {
      out += node.text + "\n";
      return;
    }
    const std::string& text = node.text;
    Analysis allowed = analyze(text);
    if (text.find('\n') != std::string::npos && allowed.block) return literal(text, indent);
    if (!reads_as_string(text) || !(allowed.plain || allowed.single_quoted) ||
        text.find('\n') != std::string::npos) {
      out += double_quoted(text);
    } else {
      out += allowed.plain ? text : single_quoted(text);
    }
    out += '\n';
  }

  void literal(const std::string& text, int indent) {
    out += '|';
    if (text[0] == ' ' || text[0] == '\n') out += '2';
    bool ends = text.ends_with('\n');
    if (!ends) out += '-';
    if (ends && (text.size() == 1 || text[text.size() - 2] == '\n')) out += '+';
    out += '\n';
    std::string_view rest = text;
    if (ends) rest.remove_suffix(1);
    for (const std::string& line : split(rest, '\n')) {
      if (!line.empty()) pad(std::max(indent, 2));
      out += line + "\n";
    }
  }
};

// --- JSON

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    std::array<char, 8> code{};
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '<':
      case '>':
      case '&':
        std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
        out += code.data();
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
          out += code.data();
        } else if (text.substr(i, 3) == "\xE2\x80\xA8" || text.substr(i, 3) == "\xE2\x80\xA9") {
          out += text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
          i += 2;
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

// JSON supports only decimal numbers.
std::string json_number(const Node& node) {
  int64_t integer = 0;
  if (node.type() == ScalarType::Int && parse_yaml_integer(node.text, integer))
    return std::to_string(integer);
  bool plain =
      node.text.find_first_not_of("0123456789.-eE+") == std::string::npos && is_digit(node.text.back()) &&
      (is_digit(node.text[0]) || (node.text.size() > 1 && node.text[0] == '-' && is_digit(node.text[1])));
  return plain ? node.text : json_string(node.text);
}

void write_json(const Node& node, int indent, std::string& out) {
  auto line = [&](int depth) {
    out += '\n';
    out.append(static_cast<size_t>(depth), ' ');
  };
  bool first = true;
  switch (node.kind) {
    case NodeKind::Map:
      out += '{';
      for (const Entry& entry : node.entries) {
        if (!std::exchange(first, false)) out += ',';
        line(indent + 2);
        out += json_string(entry.key) + ": ";
        write_json(entry.value, indent + 2, out);
      }
      if (!first) line(indent);
      out += '}';
      return;
    case NodeKind::List:
      out += '[';
      for (const Node& item : node.items) {
        if (!std::exchange(first, false)) out += ',';
        line(indent + 2);
        write_json(item, indent + 2, out);
      }
      if (!first) line(indent);
      out += ']';
      return;
    case NodeKind::Scalar:
      break;
    default:
      out += "null";
      return;
  }
  switch (node.type()) {
    case ScalarType::Null:
      out += "null";
      break;
    case ScalarType::Bool:
      out += lower(node.text);
      break;
    case ScalarType::Int:
    case ScalarType::Float:
      out += json_number(node);
      break;
    case ScalarType::String:
      out += json_string(node.text);
      break;
  }
}

}  // namespace

std::string yaml_of(const Node& node) {
  YamlWriter writer;
  writer.value(node, 0);
  return std::move(writer.out);
}

std::string indented_json_of(const Node& node) {
  std::string out;
  write_json(node, 0, out);
  return out;
}

}  // namespace stack::compose
