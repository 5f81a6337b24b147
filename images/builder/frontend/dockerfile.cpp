#include "images/builder/frontend/dockerfile.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>

#include "base/json.h"
#include "base/text.h"

namespace stack::builder {

namespace {

constexpr size_t kLongestLine = 65535;

constexpr std::array<std::string_view, 18> kKeywords = {
    "add",   "arg",        "cmd",     "copy", "entrypoint", "env",        "expose", "from",   "healthcheck",
    "label", "maintainer", "onbuild", "run",  "shell",      "stopsignal", "user",   "volume", "workdir"};

std::string_view trim_left(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

bool is_comment(std::string_view line) { return trim_left(line).starts_with('#'); }

// Go's strconv.Quote, as far as Dockerfiles need it.
std::string go_quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\a':
        out += "\\a";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
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
      case '\v':
        out += "\\v";
        break;
      default: {
        auto byte = static_cast<unsigned char>(c);
        constexpr std::string_view kHex = "0123456789abcdef";
        if (byte < 0x20 || byte == 0x7f) {
          out += "\\x";
          out += kHex[byte >> 4];
          out += kHex[byte & 15];
        } else {
          out += c;
        }
      }
    }
  }
  return out + "\"";
}

// Splits at white space; quotes and escapes keep a word together and stay in it.
std::vector<std::string> quoted_words(std::string_view text, char escape) {
  std::vector<std::string> words;
  size_t i = 0;
  while (i < text.size()) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    std::string word;
    bool had_quote = false;
    char quote = '\0';
    while (i < text.size() && (quote != '\0' || !is_space(text[i]))) {
      char c = text[i++];
      if (c == escape && quote != '\'') {
        if (i == text.size()) break;  // an escape at the very end has no meaning
        word += c;
        word += text[i++];
        continue;
      }
      if (quote == '\0' && (c == '\'' || c == '"')) {
        quote = c;
        had_quote = true;
      } else if (c == quote) {
        quote = '\0';
      }
      word += c;
    }
    if (had_quote || !word.empty()) words.push_back(std::move(word));
  }
  return words;
}

std::vector<std::string> plain_words(std::string_view text) {
  std::vector<std::string> words;
  size_t i = 0;
  while (i < text.size()) {
    size_t start = i;
    while (i < text.size() && !is_space(text[i])) ++i;
    if (i > start) words.emplace_back(text.substr(start, i - start));
    while (i < text.size() && is_space(text[i])) ++i;
  }
  return words;
}

// The strings of a JSON array; nullopt if the text is not a JSON array; an error if its items are not strings.
Result<std::optional<std::vector<std::string>>> json_strings(std::string_view text) {
  using Strings = std::optional<std::vector<std::string>>;
  text = trim(text);
  if (!text.starts_with('[')) return Strings();
  Result<Json> json = parse_json(text);
  if (!json || !json->is_array()) return Strings();
  std::vector<std::string> words;
  for (const Json& item : *json) {
    if (!item.is_string())
      return invalid("when using JSON array syntax, arrays must be comprised of strings only");
    words.push_back(item.get<std::string>());
  }
  return Strings(std::move(words));
}

Result<> parse_json_or_text(std::string_view rest, Instruction& out) {
  TRY_ASSIGN(auto strings, json_strings(rest));
  if (strings) {
    out.words.insert(out.words.end(), strings->begin(), strings->end());
    out.json = true;
  } else if (!rest.empty()) {
    out.words.emplace_back(rest);
  }
  return {};
}

Result<> parse_json_or_words(std::string_view rest, Instruction& out) {
  TRY_ASSIGN(auto strings, json_strings(rest));
  if (strings) {
    out.words = std::move(*strings);
    out.json = true;
  } else {
    out.words = plain_words(rest);
  }
  return {};
}

Result<> parse_name_values(std::string_view rest, char escape, Instruction& out) {
  std::vector<std::string> words = quoted_words(rest, escape);
  if (words.empty()) return {};
  if (words[0].find('=') == std::string::npos) {  // the old form: NAME, then the rest of the line
    size_t end = 0;
    while (end < rest.size() && !is_space(rest[end])) ++end;
    std::string_view value = trim_left(rest.substr(end));
    if (end == rest.size()) return invalid(upper(out.keyword) + " must have two arguments");
    out.words = {std::string(rest.substr(0, end)), std::string(value), ""};
    return {};
  }
  for (const std::string& word : words) {
    size_t equals = word.find('=');
    if (equals == std::string::npos)
      return invalid("syntax error: can't find = in " + go_quoted(word) +
                     ": must be of the form: name=value");
    out.words.push_back(word.substr(0, equals));
    out.words.push_back(word.substr(equals + 1));
    out.words.emplace_back("=");
  }
  return {};
}

// Takes the leading "--flag[=value]" words off `rest`.
void take_flags(std::string_view& rest, char escape, std::vector<std::string>& flags) {
  for (;;) {
    std::string_view text = trim_left(rest);
    if (!text.starts_with("--")) return;
    std::string word;
    char quote = '\0';
    size_t i = 0;
    while (i < text.size() && (quote != '\0' || !is_space(text[i]))) {
      char c = text[i++];
      if (c == escape && quote != '\'') {
        if (i == text.size()) break;
        word += text[i++];
      } else if (quote == '\0' && (c == '\'' || c == '"')) {
        quote = c;
      } else if (c == quote && quote != '\0') {
        quote = '\0';
      } else {
        word += c;
      }
    }
    rest = trim_left(text.substr(i));
    if (word == "--") return;
    flags.push_back(std::move(word));
  }
}

Result<Instruction> parse_line(std::string_view line, char escape, int number);

Result<> parse_arguments(std::string_view rest, char escape, int number, Instruction& out) {
  const std::string& keyword = out.keyword;
  if (keyword == "run" || keyword == "cmd" || keyword == "entrypoint" || keyword == "shell")
    return parse_json_or_text(rest, out);
  if (keyword == "add" || keyword == "copy" || keyword == "volume") return parse_json_or_words(rest, out);
  if (keyword == "env" || keyword == "label") return parse_name_values(rest, escape, out);
  if (keyword == "arg") {
    out.words = quoted_words(rest, escape);
  } else if (keyword == "from" || keyword == "expose") {
    out.words = plain_words(rest);
  } else if (keyword == "healthcheck") {
    size_t end = 0;
    while (end < rest.size() && !is_space(rest[end])) ++end;
    if (end > 0) out.words.emplace_back(rest.substr(0, end));
    return parse_json_or_text(trim_left(rest.substr(end)), out);
  } else if (keyword == "onbuild") {
    if (rest.empty()) return {};
    TRY_ASSIGN(Instruction nested, parse_line(rest, escape, number));
    out.nested.push_back(std::move(nested));
  } else if (!rest.empty()) {
    out.words.emplace_back(rest);
  }
  return {};
}

Error unknown_instruction(std::string_view word) {
  std::vector<std::string> known(kKeywords.begin(), kKeywords.end());
  std::string suggestion = nearest(lower(word), known);
  std::string text = "unknown instruction: " + std::string(word);
  if (!suggestion.empty()) text += " (did you mean " + upper(suggestion) + "?)";
  return invalid(std::move(text));
}

Result<Instruction> parse_line(std::string_view line, char escape, int number) {
  std::string_view text = trim(line);
  size_t end = 0;
  while (end < text.size() && !is_space(text[end])) ++end;
  Instruction out;
  out.keyword = lower(text.substr(0, end));
  out.text = std::string(text);
  out.line = out.end_line = number;
  if (std::find(kKeywords.begin(), kKeywords.end(), out.keyword) == kKeywords.end())
    return unknown_instruction(text.substr(0, end));
  std::string_view rest = trim_left(text.substr(end));
  take_flags(rest, escape, out.flags);
  TRY(parse_arguments(rest, escape, number, out));
  return out;
}

// <<WORD, <<-WORD, 3<<"WORD": the marker, if the word is one.
std::optional<Heredoc> heredoc_marker(std::string_view word) {
  Heredoc out;
  size_t i = 0;
  while (i < word.size() && std::isdigit(static_cast<unsigned char>(word[i])) != 0) ++i;
  out.file_descriptor = std::string(word.substr(0, i));
  if (word.substr(i, 2) != "<<") return std::nullopt;
  i += 2;
  if (i < word.size() && word[i] == '-') {
    out.strip_tabs = true;
    ++i;
  }
  std::string_view rest = word.substr(i);
  if (rest.empty() || rest.find('<') != std::string_view::npos) return std::nullopt;
  char quote = '\0';
  for (char c : rest) {
    if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
      out.expand = false;
    } else if (c == quote && quote != '\0') {
      quote = '\0';
    } else if (quote == '\0' && (c == ';' || c == '&' || c == '|' || c == '>' || c == '(' || c == ')')) {
      break;  // <<EOF; or <<EOF) end the word as in a shell
    } else {
      out.name += c;
    }
  }
  if (quote != '\0' || out.name.empty()) return std::nullopt;
  return out;
}

bool takes_heredocs(const Instruction& instruction) {
  const Instruction& inner = instruction.nested.empty() ? instruction : instruction.nested.front();
  if (inner.json) return false;
  return inner.keyword == "run" || inner.keyword == "copy" || inner.keyword == "add";
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  // Parses one instruction, without directives.
  Result<Instruction> parse_one(char escape) {
    file_.escape = escape;
    while (std::optional<std::string_view> line = next_line()) {
      TRY(read_instruction(*line));
      if (!file_.instructions.empty()) return std::move(file_.instructions.front());
    }
    return invalid("no instruction");
  }

  Result<Dockerfile> parse() {
    TRY(read_directives());
    for (;;) {
      std::optional<std::string_view> line = next_line();
      if (!line) break;
      TRY(read_instruction(*line));
    }
    if (file_.instructions.empty()) return invalid("file with no instructions");
    file_.lines = split(text_, '\n');
    return std::move(file_);
  }

  // Position of the error: "<line>:<column>".
  std::string position() const {
    int line = error_line_ > 0 ? error_line_ : line_;
    std::vector<std::string> lines = split(text_, '\n');
    size_t column = 0;
    if (line > 0 && static_cast<size_t>(line) <= lines.size()) {
      const std::string& text = lines[static_cast<size_t>(line) - 1];
      while (column < text.size() && is_space(text[column])) ++column;
    }
    return std::to_string(line) + ":" + std::to_string(column + 1);
  }

 private:
  std::optional<std::string_view> next_line() {
    if (position_ >= text_.size()) return std::nullopt;
    size_t end = text_.find('\n', position_);
    std::string_view line = text_.substr(position_, end == std::string_view::npos ? end : end - position_);
    position_ = end == std::string_view::npos ? text_.size() : end + 1;
    ++line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  Result<> read_directives() {
    std::set<std::string> seen;
    size_t start = position_;
    while (std::optional<std::string_view> line = next_line()) {
      if (line_ == 1 && line->starts_with("#!")) {
        start = position_;
        continue;
      }
      TRY_ASSIGN(bool taken, read_directive(*line, seen));
      if (!taken) {
        position_ = start;
        --line_;
        return {};
      }
      start = position_;
    }
    return {};
  }

  Result<bool> read_directive(std::string_view line, std::set<std::string>& seen) {
    if (!line.starts_with('#')) return false;
    line = trim(line.substr(1));
    size_t equals = line.find('=');
    if (equals == std::string_view::npos) return false;
    std::string key = lower(trim(line.substr(0, equals)));
    std::string value(trim(line.substr(equals + 1)));
    if ((key != "escape" && key != "syntax" && key != "check") || value.empty()) return false;
    if (!seen.insert(key).second) return invalid("only one " + key + " parser directive can be used");
    if (key == "syntax") file_.syntax = value;
    if (key == "check") file_.check = value;
    if (key == "escape") {
      if (value != "\\" && value != "`")
        return invalid("invalid escape token '" + value + "' does not match ` or \\");
      file_.escape = value[0];
    }
    return true;
  }

  // Cuts off the continuation mark; true if the instruction ends with this line.
  bool cut_continuation(std::string_view& line) const {
    size_t end = line.size();
    while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
    if (end == 0 || line[end - 1] != file_.escape) return true;
    if (end >= 2 && line[end - 2] == file_.escape) return true;  // an escaped escape
    line = line.substr(0, end - 1);
    return false;
  }

  Result<> read_instruction(std::string_view first) {
    TRY(check_length(first));
    first = trim_left(first);
    if (first.empty() || first.starts_with('#')) return {};
    int start = line_;
    bool complete = cut_continuation(first);
    std::string text(first);
    bool blank = false;
    while (!complete) {
      std::optional<std::string_view> next = next_line();
      if (!next) break;
      TRY(check_length(*next));
      if (is_comment(*next)) continue;
      if (trim(*next).empty()) {
        blank = true;
        continue;
      }
      complete = cut_continuation(*next);
      text += *next;
    }
    if (trim(text).empty()) return {};
    if (blank)
      file_.warnings.push_back(
          {line_, "NoEmptyContinuation", "empty continuation line found in: " + std::string(trim(text))});
    error_line_ = start;
    TRY_ASSIGN(Instruction instruction, parse_line(text, file_.escape, start));
    if (takes_heredocs(instruction)) TRY(read_heredocs(text, instruction));
    instruction.end_line = line_;
    error_line_ = 0;
    file_.instructions.push_back(std::move(instruction));
    return {};
  }

  Result<> check_length(std::string_view line) const {
    if (line.size() > kLongestLine)
      return invalid("line is too long: " + std::to_string(line.size()) + " bytes, " +
                     std::to_string(kLongestLine) + " at most");
    return {};
  }

  Result<> read_heredocs(std::string_view text, Instruction& instruction) {
    if (text.find("<<") == std::string_view::npos) return {};
    Instruction& inner = instruction.nested.empty() ? instruction : instruction.nested.front();
    for (const std::string& word : quoted_words(text, file_.escape)) {
      std::optional<Heredoc> heredoc = heredoc_marker(word);
      if (!heredoc) continue;
      TRY(read_heredoc_body(*heredoc));
      inner.heredocs.push_back(std::move(*heredoc));
    }
    return {};
  }

  Result<> read_heredoc_body(Heredoc& heredoc) {
    for (;;) {
      size_t start = position_;
      std::optional<std::string_view> line = next_line();
      if (!line) return invalid("unterminated heredoc " + heredoc.name);
      std::string_view content = *line;
      if (heredoc.strip_tabs)
        while (content.starts_with('\t')) content.remove_prefix(1);
      if (content == heredoc.name) return {};
      heredoc.content += content;
      if (position_ > start && text_[position_ - 1] == '\n') heredoc.content += '\n';
    }
  }

  std::string_view text_;
  size_t position_ = 0;
  int line_ = 0;
  int error_line_ = 0;
  Dockerfile file_;
};

void append_text(const Instruction& instruction, std::string& out) {
  out += "(" + instruction.keyword;
  if (!instruction.flags.empty()) {
    out += " [";
    for (size_t i = 0; i < instruction.flags.size(); ++i)
      out += (i > 0 ? " " : "") + go_quoted(instruction.flags[i]);
    out += "]";
  }
  for (const Instruction& nested : instruction.nested) {
    out += " ";
    append_text(nested, out);
  }
  for (const std::string& word : instruction.words) out += " " + go_quoted(word);
  out += ")";
}

}  // namespace

Result<Dockerfile> parse_dockerfile(std::string_view text, std::string_view file_name) {
  Parser parser(text);
  Result<Dockerfile> file = parser.parse();
  if (file) return file;
  if (file.error().text() == "file with no instructions") return std::move(file.error()).in(file_name);
  return std::move(file.error()).in(std::string(file_name) + ":" + parser.position());
}

Result<Instruction> parse_instruction(std::string_view text, std::string_view place, char escape) {
  return Parser(text).parse_one(escape).in(std::string(place));
}

std::string Instruction::trigger() const {
  std::string out = text;
  for (const Heredoc& heredoc : heredocs) {
    if (!out.ends_with('\n')) out += '\n';
    out += heredoc.content + heredoc.name + "\n";
  }
  return out;
}

std::string position_of(const Dockerfile& dockerfile, const Instruction& instruction,
                        std::string_view error) {
  std::vector<std::string> wanted;
  const Instruction& inner = instruction.nested.empty() ? instruction : instruction.nested.front();
  for (const std::string& flag : inner.flags) {
    std::string name = flag.substr(0, flag.find('='));
    std::string value = name.size() < flag.size() ? flag.substr(name.size() + 1) : "";
    auto names = [error](const std::string& text) { return error.find(text) != std::string_view::npos; };
    if (names(name) || names(name.substr(2) + " ") || (value.size() > 2 && names(value)))
      wanted.push_back(name);
  }
  for (const std::string& word : inner.words)
    if (word.size() > 1 && error.find(word) != std::string_view::npos)
      wanted.push_back(word.substr(0, word.find('\n')));
  size_t first = static_cast<size_t>(std::max(instruction.line, 1));
  size_t last = std::min(static_cast<size_t>(std::max(instruction.end_line, instruction.line)),
                         dockerfile.lines.size());
  for (const std::string& text : wanted)
    for (size_t line = first; line <= last; ++line)
      if (size_t at = dockerfile.lines[line - 1].find(text); at != std::string::npos)
        return std::to_string(line) + ":" + std::to_string(at + 1);
  size_t column = 0;
  if (first <= dockerfile.lines.size())
    column =
        std::min(dockerfile.lines[first - 1].find_first_not_of(" \t"), dockerfile.lines[first - 1].size());
  return std::to_string(first) + ":" + std::to_string(column + 1);
}

std::string to_text(const Dockerfile& dockerfile) {
  std::string out;
  for (const Instruction& instruction : dockerfile.instructions) {
    append_text(instruction, out);
    out += "\n";
  }
  return out;
}

}  // namespace stack::builder
