// The JSON library, and the two JSON types of `stack`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

// Keys sorted: canonical text for hashes.
using Json = nlohmann::json;
// Keys in insertion order, for readable output.
using OrderedJson = nlohmann::ordered_json;

// Maximum nesting of objects and lists, because traversal is recursive.
inline constexpr size_t kDeepestJson = 512;
// Never throws. Invalid UTF-8, trailing text, and deeper nesting are errors.
Result<Json> parse_json(std::string_view text);

// Compact, sorted keys, invalid UTF-8 replaced; never throws.
std::string to_text(const Json& json);

// Member lookups that never throw; return the fallback for a missing or null member, or one of another type.
std::string string_or(const Json& object, std::string_view key, std::string fallback = {});
int64_t int_or(const Json& object, std::string_view key, int64_t fallback = 0);
bool bool_or(const Json& object, std::string_view key, bool fallback = false);

}  // namespace stack
