// Tables of command-line flags, and a parser for them. The notation is that of getopt_long and pflag:
// --name VALUE, --name=VALUE, --switch, --switch=false, -x VALUE, -xVALUE, -x=VALUE, -abc; "--" ends the flags.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::cli {

enum class FlagArity {
  Nothing,  // a switch
  Value,    // the last one wins
  Values,   // may be repeated; order is kept
};

struct Flag {
  char letter = 0;        // 0: none
  std::string_view name;  // without "--"
  FlagArity takes = FlagArity::Nothing;
  std::string_view placeholder;  // "SECONDS", for help; empty for switches
  std::string_view help;         // one line; empty: accepted but not shown
};

// The parsed values of one table's flags, and the other words.
class Arguments {
 public:
  // Whether the flag was given, regardless of its value.
  bool given(std::string_view name) const { return values_.contains(name); }
  // The last value of a switch, or `fallback` if it was not given.
  bool is_set(std::string_view name, bool fallback = false) const;
  // The last value, or "".
  std::string text(std::string_view name, std::string_view fallback = {}) const;
  std::optional<std::string> find(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  // A whole number, at least `least`; nullopt if the flag was not given.
  Result<std::optional<int64_t>> number(std::string_view name, int64_t least = 0) const;

  void add(std::string_view name, std::string value) {
    values_[std::string(name)].push_back(std::move(value));
  }

  std::vector<std::string> words;  // words that are not flags, in order

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Grammar {
  std::span<const Flag> own;  // looked up first; values go to the first Arguments
  // The program's flags, used if `own` has no such name; values go to the second Arguments.
  std::span<const Flag> outer;
  bool stop_at_first_word = false;  // no flags after the first word: `exec SERVICE COMMAND -x`
};

// Parses `words`. Errors name the flag and, for an unknown flag, the closest match.
Result<> parse_flags(const Grammar& grammar, std::span<const std::string> words, Arguments& own,
                     Arguments& outer);

}  // namespace stack::cli
