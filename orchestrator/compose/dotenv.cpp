#include "orchestrator/compose/dotenv.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace stack::compose {

namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

bool in_dotenv_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '-' || c == '[' || c == ']' || (static_cast<unsigned char>(c) & 0x80U) != 0;
}

class DotenvParser {
 public:
  DotenvParser(const Sources& sources, uint32_t file, const Lookup& lookup, const Lookup& before,
               Report& report)
      : text_(sources.at(file).text), file_(file), outer_(lookup), before_(before), report_(report) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = line_start_ = 3;
  }

  std::vector<DotenvLine> run() {
    while (!failed_ && skip_to_statement()) statement();
    return std::move(out_);
  }

 private:
  Mark mark() const { return {file_, line_, static_cast<uint32_t>(at_ - line_start_ + 1)}; }
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\n' : text_[at_]; }

  void advance() {
    if (peek() == '\n') {
      ++line_;
      line_start_ = at_ + 1;
    }
    ++at_;
  }

  void skip_line() {
    while (!at_end() && peek() != '\n') ++at_;
    if (!at_end()) advance();
  }

  bool skip_to_statement() {
    while (!at_end()) {
      if (peek() == '#') {
        skip_line();
      } else if (peek() == '\n' || blank(peek())) {
        advance();
      } else {
        return true;
      }
    }
    return false;
  }

  void skip_blanks() {
    while (!at_end() && blank(peek())) ++at_;
  }

  void fail(Mark mark, std::string message, std::string hint = {}) {
    report_.error(mark, std::move(message), std::move(hint));
    failed_ = true;
  }

  void skip_export() {
    std::string_view rest = std::string_view(text_).substr(at_);
    if (!rest.starts_with("export") || rest.size() < 7 || !blank(rest[6])) return;
    at_ += 6;
    skip_blanks();
  }

  void statement() {
    skip_export();
    Mark start = mark();
    size_t begin = at_;
    while (!at_end() && in_dotenv_name(peek())) ++at_;
    std::string name = text_.substr(begin, at_ - begin);
    skip_blanks();
    char next = peek();
    if (name.empty() || (next != '=' && next != ':' && next != '\n')) {
      if (!name.empty() && next == '#') {
        inherit(name, start);
        skip_line();
        return;
      }
      bool space = !name.empty() && in_dotenv_name(next);
      fail(space ? start : mark(),
           space ? "a variable name cannot contain a space"
                 : "unexpected \"" + std::string(1, next) + "\" in a variable name",
           "write NAME=value");
      return;
    }
    if (next == '\n') {
      inherit(name, start);
      return;
    }
    ++at_;
    skip_blanks();
    store(std::move(name), start, value(start));
  }

  void inherit(const std::string& name, Mark start) {
    DotenvLine line{name, std::nullopt, start.line};
    if (const std::string* known = outer_(name)) {
      line.value = *known;
    } else if (before_) {
      if (const std::string* known_before = before_(name)) line.value = *known_before;
    }
    out_.push_back(std::move(line));
  }

  void store(std::string name, Mark start, std::string value) {
    if (failed_) return;
    earlier_[name] = value;
    out_.push_back({std::move(name), std::move(value), start.line});
  }

  std::string value(Mark start) {
    char quote = peek();
    if (!at_end() && (quote == '\'' || quote == '"')) return quoted(quote, start);
    size_t begin = at_;
    while (!at_end() && peek() != '\n') ++at_;
    std::string_view raw = std::string_view(text_).substr(begin, at_ - begin);
    // A comment must follow a value and a space: a#b and #b are values.
    raw = raw.substr(0, raw.find(" #"));
    while (!raw.empty() && blank(raw.back())) raw.remove_suffix(1);
    return expanded(raw, start);
  }

  std::string quoted(char quote, Mark start) {
    Mark opening = mark();
    ++at_;
    std::string raw;
    while (!at_end() && peek() != quote) {
      if (peek() == '\\' && at_ + 1 < text_.size()) {
        raw += text_[at_++];
        // Keeps the escaped character with its backslash, so that \" does not end the value.
        if (peek() == quote && quote == '\'')
          raw.back() = quote;
        else
          raw += peek();
        advance();
        continue;
      }
      raw += peek();
      advance();
    }
    if (at_end()) {
      fail(opening, "unclosed quoted value");
      return {};
    }
    ++at_;  // a closing quote is followed by the next statement or a comment
    return quote == '\'' ? raw : expanded(unescape(raw), start);
  }

  static char control_for(char c) {
    constexpr std::string_view kLetters = "abcfnrtv";
    constexpr std::string_view kControls = "\a\b\f\f\n\r\t\v";
    size_t at = kLetters.find(c);
    return at == std::string_view::npos || c == 'c' ? '\0' : kControls[at];
  }

  // Escapes are processed before variables: \$ becomes $$, the notation for a literal $.
  static std::string unescape(std::string_view raw) {
    std::string out;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\' || i + 1 == raw.size()) {
        out += raw[i];
        continue;
      }
      char c = raw[++i];
      if (char control = control_for(c)) {
        out += control;
      } else if (c == '"' || c == '\\') {
        out += c;
      } else if (c == '$') {
        out += "$$";
      } else if (c == '0') {
        out += octal(raw, i);
      } else {
        out += '\\';
        out += c;
      }
    }
    return out;
  }

  // \0ooo with up to three octal digits; `i` is at the 0 and is moved to the last digit.
  static char octal(std::string_view raw, size_t& i) {
    int value = 0;
    for (int digits = 0; digits < 3 && i + 1 < raw.size() && raw[i + 1] >= '0' && raw[i + 1] <= '7'; ++digits)
      value = value * 8 + (raw[++i] - '0');
    return static_cast<char>(value);
  }

  std::string expanded(std::string_view raw, Mark start) {
    Lookup lookup = [this](std::string_view name) -> const std::string* {
      if (const std::string* value = outer_(name)) return value;
      auto found = earlier_.find(name);
      if (found != earlier_.end()) return &found->second;
      return before_ ? before_(name) : nullptr;
    };
    Expansion expansion = expand(raw, lookup);
    if (expansion.malformed) {
      fail(start, "invalid interpolation in the value",
           "write ${NAME}, or \\$ in double quotes for a literal $");
    } else if (expansion.missing) {
      fail(start, *expansion.missing);
    }
    for (const std::string& name : expansion.unset)
      report_.warning(start, "variable \"" + name + "\" is not set; using an empty string",
                      "use single quotes for a literal $");
    return expansion.text;
  }

  const std::string& text_;
  uint32_t file_;
  const Lookup& outer_;
  const Lookup& before_;
  Report& report_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  size_t line_start_ = 0;
  bool failed_ = false;
  std::map<std::string, std::string, std::less<>> earlier_;
  std::vector<DotenvLine> out_;
};

}  // namespace

std::vector<DotenvLine> parse_dotenv(const Sources& sources, uint32_t file, const Lookup& lookup,
                                     Report& report, const Lookup& before) {
  return DotenvParser(sources, file, lookup, before, report).run();
}

std::vector<DotenvLine> parse_raw_env(const Sources& sources, uint32_t file, const Lookup& lookup,
                                      Report& report) {
  std::vector<DotenvLine> out;
  const Source& source = sources.at(file);
  for (uint32_t number = 1; number <= source.line_starts.size(); ++number) {
    std::string_view line = sources.line(file, number);
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty() || line[0] == '#') continue;
    size_t equals = line.find('=');
    std::string name(line.substr(0, equals));
    if (name.empty() || name.find_first_of(" \t") != std::string::npos) {
      report.error({file, number, 1},
                   name.empty() ? "missing variable name" : "a variable name cannot contain a space");
      continue;
    }
    DotenvLine entry{name, std::nullopt, number};
    if (equals != std::string_view::npos) {
      entry.value = std::string(line.substr(equals + 1));
    } else if (const std::string* known = lookup(name)) {
      entry.value = *known;
    }
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace stack::compose
