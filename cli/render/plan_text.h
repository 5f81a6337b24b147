// A plan for people.
#pragma once

#include <string>

#include "base/json.h"

namespace stack::cli {

// The engine's text with additions green, removals red and changes yellow.
std::string plan_text(const Json& plan, const std::string& project_name, bool colour);

}  // namespace stack::cli
