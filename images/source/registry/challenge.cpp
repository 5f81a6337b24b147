#include "images/source/registry/challenge.h"

#include <cctype>

#include "base/text.h"

namespace stack::images::registry {

namespace {

bool is_token_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Reads a field value from left to right; every reader leaves the position after the text it consumed.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  void skip_separators() {
    while (peek() == ' ' || peek() == '\t' || peek() == ',') ++at_;
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  std::string token() {
    size_t start = at_;
    while (!at_end() && is_token_char(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  // The value of a parameter: a token or a quoted string with backslash escapes. nullopt: the quote is not closed.
  std::optional<std::string> value() {
    if (!take('"')) return unquoted();
    std::string out;
    while (!at_end()) {
      char c = text_[at_++];
      if (c == '"') return out;
      if (c == '\\' && !at_end()) c = text_[at_++];
      out += c;
    }
    return std::nullopt;
  }
  size_t position() const { return at_; }
  void rewind(size_t position) { at_ = position; }

 private:
  // Some registries leave URLs unquoted: everything up to a comma or blank belongs to the value.
  std::string unquoted() {
    size_t start = at_;
    while (!at_end() && text_[at_] != ',' && text_[at_] != ' ' && text_[at_] != '\t') ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  std::string_view text_;
  size_t at_ = 0;
};

// key = value; false if something else follows (the next challenge's scheme), which is not consumed.
bool read_parameter(Reader& reader, Challenge& challenge) {
  reader.skip_separators();
  size_t start = reader.position();
  std::string key = lower(reader.token());
  reader.skip_blanks();
  if (key.empty() || !reader.take('=')) {
    reader.rewind(start);
    return false;
  }
  reader.skip_blanks();
  std::optional<std::string> value = reader.value();
  if (!value) return false;
  challenge.parameters.try_emplace(key, *value);
  return true;
}

bool can_answer(const Challenge& challenge) {
  return challenge.scheme == "basic" ||
         (challenge.scheme == "bearer" && !challenge.parameter("realm").empty());
}

}  // namespace

std::string Challenge::parameter(const std::string& key) const {
  auto found = parameters.find(key);
  return found == parameters.end() ? std::string() : found->second;
}

std::vector<Challenge> parse_challenges(std::string_view field) {
  std::vector<Challenge> out;
  Reader reader(field);
  for (;;) {
    reader.skip_separators();
    Challenge challenge;
    challenge.scheme = lower(reader.token());
    if (challenge.scheme.empty()) return out;
    while (read_parameter(reader, challenge)) continue;
    out.push_back(std::move(challenge));
  }
}

std::optional<Challenge> choose_challenge(const std::vector<std::string>& fields) {
  std::optional<Challenge> best;
  for (const std::string& field : fields) {
    for (Challenge& challenge : parse_challenges(field)) {
      if (!can_answer(challenge)) continue;
      if (!best || (best->scheme == "basic" && challenge.scheme == "bearer")) best = std::move(challenge);
    }
  }
  return best;
}

}  // namespace stack::images::registry
