#include "images/builder/frontend/words.h"

#include <cctype>

#include "base/text.h"

namespace stack::builder {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool continues_name(char c) { return starts_name(c) || is_digit(c); }
bool is_special_parameter(char c) { return std::string_view("@*#?-$!0").find(c) != std::string_view::npos; }

// Matches all of `text` against a pattern of literals, "*", and "?" with backslash escapes.
bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    if (p < pattern.size() && !escaped && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() &&
               ((!escaped && pattern[p] == '?') || pattern[escaped ? p + 1 : p] == text[t])) {
      p += escaped ? 2 : 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string without_prefix(const std::string& value, std::string_view pattern, bool longest) {
  std::string_view text = value;
  for (size_t n = 0; n <= text.size(); ++n) {
    size_t length = longest ? text.size() - n : n;
    if (matches(pattern, text.substr(0, length))) return std::string(text.substr(length));
  }
  return value;
}

std::string without_suffix(const std::string& value, std::string_view pattern, bool longest) {
  std::string_view text = value;
  for (size_t n = 0; n <= text.size(); ++n) {
    size_t start = longest ? n : text.size() - n;
    if (matches(pattern, text.substr(start))) return std::string(text.substr(0, start));
  }
  return value;
}

std::string replaced(const std::string& value, std::string_view pattern, const std::string& with, bool all) {
  std::string out;
  std::string_view text = value;
  size_t i = 0;
  while (i < text.size()) {
    size_t length = text.size() - i;
    while (length > 0 && !matches(pattern, text.substr(i, length))) --length;
    if (length == 0) {
      out += text[i++];
      continue;
    }
    out += with;
    i += length;
    if (!all) break;
  }
  out += text.substr(i);
  return out;
}

// One pass over a text. Builds the joined word and, in parallel, the list of words.
class Scanner {
 public:
  Scanner(const Expander& expander, std::string_view text, bool quotes)
      : expander_(expander), text_(text), quotes_(quotes) {}

  Result<> scan_all() {
    TRY(scan('\0'));
    end_word();
    return {};
  }

  // Scans until an unquoted `stop` (consumed) or the end; "" terminates only at the end.
  Result<bool> scan(char stop) {
    while (!at_end()) {
      char c = text_[i_];
      if (stop != '\0' && c == stop) {
        ++i_;
        return true;
      }
      if (quotes_ && c == '\'') {
        TRY(single_quotes());
      } else if (quotes_ && c == '"') {
        TRY(double_quotes());
      } else if (c == '$') {
        TRY(substitute(true));
      } else {
        plain();
      }
    }
    return false;
  }

  std::string joined;
  std::vector<std::string> list;

  size_t position() const { return i_; }
  void seek(size_t position) { i_ = position; }

 private:
  bool at_end() const { return i_ >= text_.size(); }

  void put(char c) {
    joined += c;
    word_ += c;
    in_word_ = true;
  }
  void put_quoted(std::string_view text) {
    joined += text;
    word_ += text;
    in_word_ = true;
  }
  void put_split(std::string_view text) {
    joined += text;
    for (char c : text) {
      if (is_space(c)) {
        end_word();
      } else {
        word_ += c;
        in_word_ = true;
      }
    }
  }
  void end_word() {
    if (in_word_) list.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  void plain() {
    char c = text_[i_++];
    if (c == expander_.escape) {
      if (quotes_) {
        if (at_end()) return;  // a trailing escape has no meaning
        put(text_[i_++]);
        return;
      }
      // In heredocs the escape applies only to characters with a special meaning.
      if (!at_end() && (text_[i_] == '$' || text_[i_] == expander_.escape)) {
        put(text_[i_++]);
        return;
      }
      put(c);
      return;
    }
    if (quotes_ && is_space(c)) {
      joined += c;
      end_word();
      return;
    }
    put(c);
  }

  Result<> single_quotes() {
    size_t end = text_.find('\'', ++i_);
    if (end == std::string_view::npos)
      return invalid("unexpected end of statement while looking for matching single-quote");
    put_quoted(text_.substr(i_, end - i_));
    i_ = end + 1;
    return {};
  }

  Result<> double_quotes() {
    ++i_;
    put_quoted("");
    while (!at_end()) {
      char c = text_[i_];
      if (c == '"') {
        ++i_;
        return {};
      }
      if (c == '$') {
        TRY(substitute(false));
        continue;
      }
      ++i_;
      if (c == expander_.escape) {
        if (at_end()) break;
        char next = text_[i_];
        if (next == '"' || next == '$' || next == expander_.escape) c = text_[i_++];
      }
      put_quoted(std::string_view(&c, 1));
    }
    return invalid("unexpected end of statement while looking for matching double-quote");
  }

  Result<> substitute(bool split) {
    TRY_ASSIGN(std::string value, dollar());
    if (split && quotes_) {
      put_split(value);
    } else {
      put_quoted(value);
    }
    return {};
  }

  std::optional<std::string> look_up(std::string_view name) const {
    std::optional<std::string> value;
    if (!name.empty() && starts_name(name[0]) && expander_.variables) value = expander_.variables(name);
    if (!value && expander_.unset != nullptr && !name.empty() && starts_name(name[0]))
      expander_.unset->emplace(name);
    return value;
  }

  std::string take_name() {
    size_t start = i_;
    if (at_end()) return {};
    if (starts_name(text_[i_])) {
      while (!at_end() && continues_name(text_[i_])) ++i_;
    } else if (is_digit(text_[i_])) {
      while (!at_end() && is_digit(text_[i_])) ++i_;
    } else if (is_special_parameter(text_[i_])) {
      ++i_;
    }
    return std::string(text_.substr(start, i_ - start));
  }

  Result<std::string> dollar() {
    ++i_;
    if (at_end() || text_[i_] != '{') {
      std::string name = take_name();
      if (name.empty()) return std::string("$");
      return look_up(name).value_or("");
    }
    ++i_;
    std::string name = take_name();
    if (name.empty()) return invalid("bad substitution");
    if (at_end()) return invalid("syntax error: missing '}'");
    return modified(name);
  }

  // The expanded text up to the closing brace.
  Result<std::string> operand(char stop) {
    Scanner inner(expander_, text_, quotes_);
    inner.seek(i_);
    TRY_ASSIGN(bool found, inner.scan(stop));
    if (!found)
      return invalid("syntax error: missing '" + std::string(1, stop) + "' in variable substitution");
    i_ = inner.position();
    return std::move(inner.joined);
  }

  // The text up to the closing brace with its escapes kept: a pattern.
  Result<std::string> pattern(std::string_view stops) {
    std::string out;
    while (!at_end()) {
      char c = text_[i_];
      if (stops.find(c) != std::string_view::npos) return out;
      if (c == '$') {
        TRY_ASSIGN(std::string value, dollar());
        out += value;
        continue;
      }
      ++i_;
      if (quotes_ && (c == '\'' || c == '"')) {
        while (!at_end() && text_[i_] != c) {
          out += '\\';
          out += text_[i_++];
        }
        if (at_end()) break;
        ++i_;
        continue;
      }
      if (c == expander_.escape) {
        if (at_end()) break;
        char next = text_[i_++];
        if (next == '*' || next == '?' || next == '\\') out += '\\';
        out += next;
        continue;
      }
      if (c == '\\') out += '\\';  // a literal if the escape is a back-quote
      out += c;
    }
    return invalid("syntax error: missing '}' in variable substitution");
  }

  Result<std::string> modified(const std::string& name) {
    char c = text_[i_++];
    if (c == '}') return look_up(name).value_or("");
    bool colon = c == ':';
    if (colon) {
      if (at_end()) return invalid("syntax error: missing '}'");
      c = text_[i_++];
    }
    switch (c) {
      case '-':
      case '+':
      case '?':
        return conditional(name, c, colon);
      case '#':
      case '%':
      case '/':
        if (colon) break;
        return c == '/' ? replacement(name) : trimmed(name, c);
      default:
        break;
    }
    return invalid("unsupported modifier (" + std::string(colon ? ":" : "") + c + ") in substitution of " +
                   name);
  }

  Result<std::string> conditional(const std::string& name, char modifier, bool colon) {
    TRY_ASSIGN(std::string word, operand('}'));
    std::optional<std::string> value;
    if (modifier == '?') {
      value = look_up(name);
    } else if (starts_name(name[0]) && expander_.variables) {
      value = expander_.variables(name);  // has a fallback: not worth a warning when unset
    }
    bool set = value && !(colon && value->empty());
    if (modifier == '-') return set ? *value : word;
    if (modifier == '+') return set ? word : std::string();
    if (set) return *value;
    std::string reason =
        !word.empty() ? word : (value ? "not allowed to be empty" : "not allowed to be unset");
    return invalid(name + ": " + reason);
  }

  Result<std::string> trimmed(const std::string& name, char modifier) {
    bool longest = !at_end() && text_[i_] == modifier;
    if (longest) ++i_;
    TRY_ASSIGN(std::string what, pattern("}"));
    ++i_;
    std::string value = look_up(name).value_or("");
    return modifier == '#' ? without_prefix(value, what, longest) : without_suffix(value, what, longest);
  }

  Result<std::string> replacement(const std::string& name) {
    bool all = !at_end() && text_[i_] == '/';
    if (all) ++i_;
    TRY_ASSIGN(std::string what, pattern("/}"));
    std::string with;
    if (text_[i_++] == '/') {
      TRY_ASSIGN(with, operand('}'));
    }
    return replaced(look_up(name).value_or(""), what, with, all);
  }

  const Expander& expander_;
  std::string_view text_;
  bool quotes_;
  size_t i_ = 0;
  std::string word_;
  bool in_word_ = false;
};

Result<Scanner> scanned(const Expander& expander, std::string_view text, bool quotes) {
  Scanner scanner(expander, text, quotes);
  TRY(scanner.scan_all().in("failed to process \"" + std::string(text) + "\""));
  return scanner;
}

}  // namespace

Result<std::string> Expander::word(std::string_view text) const {
  TRY_ASSIGN(Scanner scanner, scanned(*this, text, true));
  return std::move(scanner.joined);
}

Result<std::vector<std::string>> Expander::words(std::string_view text) const {
  TRY_ASSIGN(Scanner scanner, scanned(*this, text, true));
  return std::move(scanner.list);
}

Result<std::string> Expander::heredoc(std::string_view text) const {
  TRY_ASSIGN(Scanner scanner, scanned(*this, text, false));
  return std::move(scanner.joined);
}

}  // namespace stack::builder
