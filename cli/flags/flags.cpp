#include "cli/flags/flags.h"

#include "base/text.h"
#include "base/units.h"

namespace stack::cli {

bool Arguments::is_set(std::string_view name, bool fallback) const {
  auto found = values_.find(name);
  return found == values_.end() ? fallback : found->second.back() == "true";
}

std::string Arguments::text(std::string_view name, std::string_view fallback) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::string(fallback) : found->second.back();
}

std::optional<std::string> Arguments::find(std::string_view name) const {
  auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

Result<std::optional<int64_t>> Arguments::number(std::string_view name, int64_t least) const {
  auto value = find(name);
  if (!value) return std::optional<int64_t>{};
  std::string_view digits = *value;
  bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (!is_all_digits(digits) || digits.size() > 15) {
    return invalid("invalid argument \"" + *value + "\" for --" + std::string(name) + ": not a whole number");
  }
  int64_t number = 0;
  for (char c : digits) number = number * 10 + (c - '0');
  if (negative) number = -number;
  if (number < least) {
    return invalid("invalid argument \"" + *value + "\" for --" + std::string(name) + ": less than " +
                   std::to_string(least));
  }
  return std::optional<int64_t>(number);
}

namespace {

struct Match {
  const Flag* flag = nullptr;
  Arguments* target = nullptr;
};

// Walks the words once; `at_` is the word being read.
class Reader {
 public:
  Reader(const Grammar& grammar, std::span<const std::string> words, Arguments& own, Arguments& outer)
      : grammar_(grammar), words_(words), own_(own), outer_(outer) {}

  Result<> run() {
    for (at_ = 0; at_ < words_.size(); ++at_) {
      const std::string& word = words_[at_];
      if (word == "--") {
        take_rest(at_ + 1);
        return {};
      }
      if (word.size() < 2 || word[0] != '-') {
        own_.words.push_back(word);
        if (grammar_.stop_at_first_word) {
          take_rest(at_ + 1);
          return {};
        }
      } else if (word[1] == '-') {
        TRY(read_long(std::string_view(word).substr(2)));
      } else {
        TRY(read_letters(word));
      }
    }
    return {};
  }

 private:
  void take_rest(size_t from) {
    for (size_t i = from; i < words_.size(); ++i) own_.words.push_back(words_[i]);
  }

  template <typename Predicate>
  Match find(Predicate&& matches) {
    for (const Flag& flag : grammar_.own) {
      if (matches(flag)) return {&flag, &own_};
    }
    for (const Flag& flag : grammar_.outer) {
      if (matches(flag)) return {&flag, &outer_};
    }
    return {};
  }

  Result<> read_long(std::string_view text) {
    size_t equals = text.find('=');
    std::string_view name = text.substr(0, equals);
    Match match = find([&](const Flag& flag) { return flag.name == name; });
    if (!match.flag) return unknown_long(name);
    std::string shown = "--" + std::string(name);
    if (equals != std::string_view::npos) return store(match, shown, std::string(text.substr(equals + 1)));
    return store_next(match, shown);
  }

  Result<> read_letters(const std::string& word) {
    for (size_t i = 1; i < word.size(); ++i) {
      char letter = word[i];
      Match match = find([&](const Flag& flag) { return flag.letter != 0 && flag.letter == letter; });
      if (!match.flag) {
        return invalid("unknown shorthand flag: '" + std::string(1, letter) + "' in " + word);
      }
      std::string shown = std::string("-") + letter;
      bool has_more = i + 1 < word.size();
      if (has_more && word[i + 1] == '=') return store(match, shown, word.substr(i + 2));
      if (match.flag->takes == FlagArity::Nothing) {
        TRY(store(match, shown, "true"));
      } else if (has_more) {
        return store(match, shown, word.substr(i + 1));
      } else {
        return store_next(match, shown);
      }
    }
    return {};
  }

  Result<> store_next(const Match& match, const std::string& shown) {
    if (match.flag->takes == FlagArity::Nothing) return store(match, shown, "true");
    if (at_ + 1 >= words_.size()) return invalid("flag needs an argument: " + shown);
    return store(match, shown, words_[++at_]);
  }

  static Result<> store(const Match& match, const std::string& shown, std::string value) {
    if (match.flag->takes == FlagArity::Nothing) {
      std::string word = lower(value);
      if (word == "true" || word == "1" || word == "t") {
        value = "true";
      } else if (word == "false" || word == "0" || word == "f") {
        value = "false";
      } else {
        return invalid("invalid argument \"" + value + "\" for " + shown + ": must be true or false");
      }
    }
    match.target->add(match.flag->name, std::move(value));
    return {};
  }

  Result<> unknown_long(std::string_view name) const {
    std::vector<std::string> names;
    for (const Flag& flag : grammar_.own) names.emplace_back(flag.name);
    for (const Flag& flag : grammar_.outer) names.emplace_back(flag.name);
    std::string text = "unknown flag: --" + std::string(name);
    std::string near = nearest(name, names);
    if (!near.empty()) text += "; did you mean --" + near + "?";
    return invalid(std::move(text));
  }

  const Grammar& grammar_;
  std::span<const std::string> words_;
  Arguments& own_;
  Arguments& outer_;
  size_t at_ = 0;
};

}  // namespace

Result<> parse_flags(const Grammar& grammar, std::span<const std::string> words, Arguments& own,
                     Arguments& outer) {
  return Reader(grammar, words, own, outer).run();
}

}  // namespace stack::cli
