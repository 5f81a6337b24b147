#include "cli/render/template/lexer.h"

#include <algorithm>

#include "cli/render/template/unicode.h"

namespace stack::text_template {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kKeywords[] = {"block", "break", "continue", "define",   "else",
                                          "end",   "if",    "range",    "template", "with"};

bool is_blank(std::string_view text, size_t at) {
  return at < text.size() && kBlanks.find(text[at]) != std::string_view::npos;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (tokens_.empty() || (last() != Token::Kind::Error && last() != Token::Kind::End)) {
      if (inside_) {
        read_inside();
      } else {
        read_text();
      }
    }
    return std::move(tokens_);
  }

 private:
  Token::Kind last() const { return tokens_.back().kind; }
  std::string_view rest() const { return text_.substr(at_); }
  std::string_view current() const { return text_.substr(start_, at_ - start_); }

  void skip() {
    line_ += static_cast<int>(std::ranges::count(current(), '\n'));
    start_ = at_;
  }
  void emit(Token::Kind kind) {
    tokens_.push_back({kind, start_, line_, std::string(current())});
    skip();
  }
  void fail(std::string message) {
    tokens_.push_back({Token::Kind::Error, start_, line_, std::move(message)});
  }
  bool accept(std::string_view characters) {
    if (at_ >= text_.size() || characters.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  bool trims_right(size_t at) const { return is_blank(text_, at) && text_.substr(at + 1).starts_with("-}}"); }
  bool at_close() const { return trims_right(at_) || rest().starts_with("}}"); }
  // What may follow a name: blanks, an end, punctuation.
  bool at_end_of_word() const {
    return at_ >= text_.size() || is_blank(text_, at_) ||
           std::string_view(".,|:()").find(text_[at_]) != std::string_view::npos || rest().starts_with("}}");
  }

  void read_text();
  void read_comment();
  void read_close();
  void read_inside();
  void read_space();
  void read_word();
  void read_name(Token::Kind kind);
  void read_quoted(char quote);
  bool scan_number();
  void read_number();
  void read_other(char c);

  std::string_view text_;
  size_t at_ = 0;
  size_t start_ = 0;
  int line_ = 1;
  int parens_ = 0;
  bool inside_ = false;
  std::vector<Token> tokens_;
};

void Lexer::read_text() {
  size_t open = text_.find("{{", at_);
  if (open == std::string_view::npos) {
    at_ = text_.size();
    if (at_ > start_) emit(Token::Kind::Text);
    return emit(Token::Kind::End);
  }
  bool trims = text_.substr(open + 2).starts_with("-") && is_blank(text_, open + 3);
  at_ = open;
  if (trims) {
    size_t kept = text_.substr(start_, open - start_).find_last_not_of(kBlanks);
    at_ = kept == std::string_view::npos ? start_ : start_ + kept + 1;
  }
  if (at_ > start_) emit(Token::Kind::Text);
  at_ = open;
  skip();
  size_t content = open + (trims ? 4 : 2);
  if (text_.substr(content).starts_with("/*")) {
    at_ = content;
    skip();
    return read_comment();
  }
  at_ = open + 2;
  emit(Token::Kind::Open);
  at_ = content;
  skip();
  inside_ = true;
  parens_ = 0;
}

void Lexer::read_comment() {
  size_t end = text_.find("*/", at_ + 2);
  if (end == std::string_view::npos) return fail("unclosed comment");
  at_ = end + 2;
  if (!at_close()) return fail("comment ends before closing delimiter");
  bool trims = trims_right(at_);
  at_ += trims ? 4 : 2;
  if (trims) at_ = std::min(text_.size(), text_.find_first_not_of(kBlanks, at_));
  skip();
}

void Lexer::read_close() {
  bool trims = trims_right(at_);
  if (trims) at_ += 2;
  skip();
  at_ += 2;
  emit(Token::Kind::Close);
  if (trims) {
    at_ = std::min(text_.size(), text_.find_first_not_of(kBlanks, at_));
    skip();
  }
  inside_ = false;
}

void Lexer::read_space() {
  while (is_blank(text_, at_) && !trims_right(at_)) ++at_;
  if (at_ > start_) emit(Token::Kind::Space);
}

void Lexer::read_word() {
  while (at_ < text_.size()) {
    Rune rune = rune_at(text_, at_);
    if (!is_letter_or_digit(rune.code)) break;
    at_ += rune.size;
  }
  if (!at_end_of_word()) return fail("bad character " + unicode_name(rune_at(text_, at_).code));
  std::string_view word = current();
  emit(word == "nil"                       ? Token::Kind::Nil
       : word == "true" || word == "false" ? Token::Kind::Bool
                                           : Token::Kind::Word);
}

// After "." or "$".
void Lexer::read_name(Token::Kind kind) {
  if (at_end_of_word()) return emit(kind == Token::Kind::Field ? Token::Kind::Dot : kind);
  while (at_ < text_.size()) {
    Rune rune = rune_at(text_, at_);
    if (!is_letter_or_digit(rune.code)) break;
    at_ += rune.size;
  }
  if (!at_end_of_word()) return fail("bad character " + unicode_name(rune_at(text_, at_).code));
  emit(kind);
}

void Lexer::read_quoted(char quote) {
  while (at_ < text_.size() && text_[at_] != quote) {
    if (quote != '`' && text_[at_] == '\n') break;
    if (quote != '`' && text_[at_] == '\\') {
      ++at_;
      if (at_ >= text_.size() || text_[at_] == '\n') break;
    }
    ++at_;
  }
  if (at_ >= text_.size() || text_[at_] != quote) {
    return fail(quote == '"'   ? "unterminated quoted string"
                : quote == '`' ? "unterminated raw quoted string"
                               : "unterminated character constant");
  }
  ++at_;
  emit(quote == '\'' ? Token::Kind::Char : Token::Kind::Quoted);
}

bool Lexer::scan_number() {
  accept("+-");
  std::string_view digits = "0123456789_";
  if (accept("0")) {
    if (accept("xX")) digits = "0123456789abcdefABCDEF_";
    if (accept("oO")) digits = "01234567_";
    if (digits.size() == 11 && accept("bB")) digits = "01_";
  }
  auto accept_all = [&](std::string_view characters) {
    while (accept(characters)) {
    }
  };
  accept_all(digits);
  if (accept(".")) accept_all(digits);
  if (accept(digits.size() == 11 ? "eE" : digits.size() == 23 ? "pP" : "")) {
    accept("+-");
    accept_all("0123456789_");
  }
  accept("i");
  if (at_ >= text_.size() || !is_letter_or_digit(rune_at(text_, at_).code)) return true;
  at_ += rune_at(text_, at_).size;
  return false;
}

void Lexer::read_number() {
  bool complex = false;
  bool good = scan_number();
  if (good && at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) {
    complex = true;
    good = scan_number() && text_[at_ - 1] == 'i';
  }
  if (!good) return fail("bad number syntax: " + quote_text(current()));
  emit(complex ? Token::Kind::Complex : Token::Kind::Number);
}

void Lexer::read_other(char c) {
  ++at_;
  switch (c) {
    case '=':
      return emit(Token::Kind::Assign);
    case ':':
      if (!accept("=")) return fail("expected :=");
      return emit(Token::Kind::Declare);
    case '|':
      return emit(Token::Kind::Pipe);
    case '"':
    case '`':
    case '\'':
      return read_quoted(c);
    case '$':
      return read_name(Token::Kind::Variable);
    case '(':
      ++parens_;
      return emit(Token::Kind::OpenParen);
    case ')':
      if (--parens_ < 0) return fail("unexpected right paren");
      return emit(Token::Kind::CloseParen);
    default:
      return emit(Token::Kind::Punctuation);
  }
}

void Lexer::read_inside() {
  if (at_close()) return parens_ == 0 ? read_close() : fail("unclosed left paren");
  if (at_ >= text_.size()) return fail("unclosed action");
  char c = text_[at_];
  char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
  if (is_blank(text_, at_)) return read_space();
  bool digit_follows = next >= '0' && next <= '9';
  if (c == '.' && at_ + 1 < text_.size() && !digit_follows) {
    ++at_;
    return read_name(Token::Kind::Field);
  }
  if (c == '.' || c == '+' || c == '-' || (c >= '0' && c <= '9')) return read_number();
  Rune rune = rune_at(text_, at_);
  if (is_letter_or_digit(rune.code)) return read_word();
  if (c >= 0x20 && c < 0x7f) return read_other(c);
  at_ += rune.size;
  fail("unrecognized character in action: " + unicode_name(rune.code));
}

}  // namespace

std::vector<Token> tokens_of(std::string_view text) { return Lexer(text).run(); }

bool is_keyword(std::string_view word) { return std::ranges::find(kKeywords, word) != std::end(kKeywords); }

}  // namespace stack::text_template
