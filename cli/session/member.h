// Reading the engine's JSON without exceptions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace stack::cli {

// The member, or null where there is none or `object` is no object.
const Json& member(const Json& object, std::string_view key);
// The strings of an array; anything else gives none.
std::vector<std::string> strings_of(const Json& array);
// The elements of an array; anything else gives none.
std::vector<Json> items_of(const Json& array);

}  // namespace stack::cli
