// Command lines by table: each command lists its flags, and one parser handles all commands.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::runtime::oci {

enum class FlagKind : uint8_t {
  Switch,  // --keep, --keep=false
  Text,    // --root DIR, --root=DIR, -b DIR; the last one wins
  List,    // may be repeated
};

struct Flag {
  std::string_view name;  // without the dashes
  char letter = 0;        // short form; 0: none
  FlagKind kind = FlagKind::Switch;
  std::string_view value;  // name of the value in help; "" for switches
  std::string_view help;
};

// Joins two tables: flags shared by several commands, and a command's own.
template <size_t N, size_t M>
constexpr std::array<Flag, N + M> joined(const std::array<Flag, N>& first,
                                         const std::array<Flag, M>& second) {
  std::array<Flag, N + M> out{};
  std::copy(first.begin(), first.end(), out.begin());
  std::copy(second.begin(), second.end(), out.begin() + N);
  return out;
}

enum class FlagOrder : uint8_t {
  Anywhere,
  First,  // words after the first word that is not a flag are not parsed (exec ID COMMAND...)
};

class Arguments {
 public:
  bool has(std::string_view name) const { return values_.contains(name); }
  bool is_set(std::string_view name) const;
  std::string text(std::string_view name, std::string_view fallback = {}) const;
  std::vector<std::string> list(std::string_view name) const;
  // A whole number; Invalid names the flag.
  Result<int64_t> number(std::string_view name, int64_t fallback) const;
  // The words that are not flags, in order.
  const std::vector<std::string>& words() const { return words_; }

 private:
  friend Result<Arguments> parse_arguments(std::span<const Flag>, std::span<const std::string>, FlagOrder);
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> words_;
};

// Pure. "--" ends the flags. Invalid for unknown flags, missing values, and switch values other than true and
// false.
Result<Arguments> parse_arguments(std::span<const Flag> flags, std::span<const std::string> words,
                                  FlagOrder order);

// One line per flag, for --help.
std::string describe_flags(std::span<const Flag> flags);

}  // namespace stack::runtime::oci
