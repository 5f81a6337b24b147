// Command line flags as tables, and the words of a command line read against them (getopt_long's and pflag's
// notation:
// --name VALUE, --name=VALUE, --switch, --switch=false, -x VALUE, -xVALUE, -x=VALUE, -abc, "--" ends flags).
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
  Value,    // the last one given counts
  Values,   // may be repeated; order is kept
};

struct Flag {
  char letter = 0;        // 0: none
  std::string_view name;  // without "--"
  FlagArity takes = FlagArity::Nothing;
  std::string_view placeholder;  // "SECONDS", for help; empty for switches
  std::string_view help;         // one line; empty: accepted but not shown
};

// What the flags of one table were given.
class Arguments {
 public:
  // Was it given at all, whatever its value?
  bool given(std::string_view name) const { return values_.contains(name); }
  // A switch's last value; `fallback` where it was not given.
  bool on(std::string_view name, bool fallback = false) const;
  // The last value, or "".
  std::string text(std::string_view name, std::string_view fallback = {}) const;
  std::optional<std::string> find(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  // A whole number not below `least`; nullopt where the flag was not given.
  Result<std::optional<int64_t>> number(std::string_view name, int64_t least = 0) const;

  void add(std::string_view name, std::string value) {
    values_[std::string(name)].push_back(std::move(value));
  }

  std::vector<std::string> words;  // what is not a flag, in order

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Grammar {
  std::span<const Flag> own;  // looked up first; values go to the first Arguments
  std::span<const Flag>
      outer;  // the program's flags, accepted where `own` has no such name; second Arguments
  bool stop_at_first_word = false;  // all that follows the first word is words: `exec SERVICE COMMAND -x`
};

// Reads `words`. The error's text names the flag and, for a misspelt one, the nearest that exists.
Result<> parse_flags(const Grammar& grammar, std::span<const std::string> words, Arguments& own,
                     Arguments& outer);

}  // namespace stack::cli
