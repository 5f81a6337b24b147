// Parses YAML text into trees with marks. Only this file uses yaml-cpp, through its event interface, and only this file
// handles anchors, aliases, merge keys, tags, duplicate keys, and quoting.
#pragma once

#include <vector>

#include "orchestrator/compose/tree.h"

namespace stack::compose {

// The non-empty documents of a source. Syntax errors stop the parsing; duplicate and non-string keys, undefined aliases,
// and unknown tags are reported without stopping it. Limits the number of nodes created by aliases (alias bombs) and the
// nesting depth.
std::vector<Node> parse_yaml(const Sources& sources, uint32_t file, Report& report);

}  // namespace stack::compose
