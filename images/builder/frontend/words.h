// Variable expansion and word splitting of the Dockerfile language (a subset of the shell's).
// $v ${v} ${v-w} ${v:-w} ${v+w} ${v:+w} ${v?m} ${v:?m} ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r} ${v//p/r}
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::builder {

// The value of a variable, or nullopt if it is not set.
using Variables = std::function<std::optional<std::string>(std::string_view name)>;

struct Expander {
  Variables variables;
  char escape = '\\';
  // If given, receives the names that were looked up and are not set.
  std::set<std::string>* unset = nullptr;

  // One word: quotes and escapes are removed, values are inserted unchanged.
  Result<std::string> word(std::string_view text) const;
  // Like word(), but the text and values substituted outside quotes are split at white space.
  Result<std::vector<std::string>> words(std::string_view text) const;
  // Heredoc bodies: variables only, quotes are ordinary characters.
  Result<std::string> heredoc(std::string_view text) const;
};

}  // namespace stack::builder
