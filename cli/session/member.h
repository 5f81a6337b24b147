// Reads the engine's JSON without exceptions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace stack::cli {

// The member, or null if it is missing or `object` is not an object.
const Json& member(const Json& object, std::string_view key);
// The strings of an array; empty for other types.
std::vector<std::string> strings_of(const Json& array);
// The elements of an array; empty for other types.
std::vector<Json> items_of(const Json& array);

}  // namespace stack::cli
