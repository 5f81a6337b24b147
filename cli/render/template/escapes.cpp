#include "cli/render/template/escapes.h"

#include <cstdio>

#include "cli/render/template/unicode.h"

namespace stack::text_template {

std::string html_escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '\0':
        out += "\xef\xbf\xbd";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string js_escaped(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    Rune rune = rune_at(text, at);
    constexpr std::string_view kAsNumber = "<>&=";
    char escape[12];
    std::snprintf(escape, sizeof escape, "\\u%04X", static_cast<unsigned>(rune.code));
    if (rune.code == '\\' || rune.code == '\'' || rune.code == '"') {
      out += {'\\', static_cast<char>(rune.code)};
    } else if (rune.code < ' ' || (rune.code < 0x80 && kAsNumber.find(text[at]) != std::string_view::npos) ||
               (rune.code >= 0x80 && !is_printable(rune.code))) {
      out += escape;
    } else {
      out += text.substr(at, rune.size);
    }
    at += rune.size;
  }
  return out;
}

std::string query_escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool kept = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                c == '_' || c == '.' || c == '~';
    char escape[8];
    std::snprintf(escape, sizeof escape, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += kept ? std::string(1, c) : c == ' ' ? "+" : escape;
  }
  return out;
}

}  // namespace stack::text_template
