// The JSON library, and the two renderings of it that `stack` relies on.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack {

// Keys sorted: canonical text for hashes.
using Json = nlohmann::json;
// Keys in insertion order: for output whose order people read.
using OrderedJson = nlohmann::ordered_json;

// How deep objects and lists may be nested: what walks a value recurses.
inline constexpr size_t kDeepestJson = 512;
// Parses; never throws. Invalid UTF-8, trailing garbage and deeper nesting are errors.
Result<Json> parse_json(std::string_view text);

// Compact, sorted keys, invalid UTF-8 replaced; never throws.
std::string to_text(const Json& json);

// Member look-ups that never throw: the fallback serves for an absent, null or differently typed member.
std::string string_or(const Json& object, std::string_view key, std::string fallback = {});
int64_t int_or(const Json& object, std::string_view key, int64_t fallback = 0);
bool bool_or(const Json& object, std::string_view key, bool fallback = false);

}  // namespace stack
