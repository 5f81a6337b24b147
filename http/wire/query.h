// Request targets: percent coding, and the query as a multi-map.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace stack::http {

// Decodes %XX; with `plus_is_space` also '+'. Incomplete or non-hexadecimal escapes and NUL are errors.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Encodes everything except unreserved characters (RFC 3986 section 2.3).
std::string percent_encode(std::string_view text);

// The decoded query of a request; a name may occur more than once.
class Query {
 public:
  Query() = default;
  // `text` is the part after '?', still encoded.
  static Result<Query> parse(std::string_view text);

  void add(std::string name, std::string value) { items_.emplace_back(std::move(name), std::move(value)); }
  bool has(std::string_view name) const;
  // The first value, or the fallback if the name is missing.
  std::string get(std::string_view name, std::string_view fallback = {}) const;
  std::optional<std::string> find(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  // Docker's rule: "", "0", "no", "false", "none" in any case are false, everything else is true.
  bool flag(std::string_view name, bool fallback = false) const;
  // A decimal integer; the fallback if missing or empty; Invalid for other texts.
  Result<int64_t> integer(std::string_view name, int64_t fallback) const;
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }
  // "?a=b&c=d", or "" if empty.
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

}  // namespace stack::http
