// A tree as text: YAML with the quoting and layout that the reference's encoder (go-yaml, indent 2) produces,
// so that outputs can be compared byte by byte; and JSON in the layout of Go's MarshalIndent.
#pragma once

#include <string>

#include "orchestrator/compose/tree.h"

namespace stack::compose {

// Keys in the order of the tree. Ends with '\n'.
std::string yaml_of(const Node& node);
// Two blanks of indent, <, > and & escaped as Go does. No '\n' at the end.
std::string indented_json_of(const Node& node);

}  // namespace stack::compose
