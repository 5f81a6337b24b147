// A plan as readable text.
#pragma once

#include <string>

#include "base/json.h"

namespace stack::cli {

// The engine's text, with additions in green, removals in red, and changes in yellow.
std::string plan_text(const Json& plan, const std::string& project_name, bool color);

}  // namespace stack::cli
