// The files and lines in which a loaded project's values were written.
#pragma once

#include <string>
#include <string_view>

#include "orchestrator/compose/load.h"

namespace stack::compose {

// "compose.yaml:7:5" of the value at a JSON pointer of project_to_json(), or of the closest enclosing value that was
// written in a file; "" if there is none.
std::string place_of(const Loaded& loaded, std::string_view json_pointer);

}  // namespace stack::compose
