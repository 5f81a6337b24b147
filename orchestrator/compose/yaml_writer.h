// Writes a tree as text: YAML with the quoting and layout of the reference's encoder (go-yaml, indent 2), so that outputs
// are identical byte by byte; JSON in the layout of Go's MarshalIndent.
#pragma once

#include <string>

#include "orchestrator/compose/tree.h"

namespace stack::compose {

// Writes keys in the order of the tree. Ends with '\n'.
std::string yaml_of(const Node& node);
// Indents by two blanks and escapes <, >, and & like Go. Does not end with '\n'.
std::string indented_json_of(const Node& node);

}  // namespace stack::compose
