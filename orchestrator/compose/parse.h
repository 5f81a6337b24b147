// YAML text -> trees with marks. The only file that borders on yaml-cpp, through its event interface:
// anchors, aliases, merge keys, tags, duplicate keys and quoting are seen here and nowhere else.
#pragma once

#include <vector>

#include "orchestrator/compose/tree.h"

namespace stack::compose {

// The documents of a source, empty ones left out. What is wrong goes to the report: syntax errors end the
// reading of the source, duplicate and non-string keys, undefined aliases and unknown tags do not. Nodes made
// by aliases are limited (alias bombs), and so is depth.
std::vector<Node> parse_yaml(const Sources& sources, uint32_t file, Report& report);

}  // namespace stack::compose
