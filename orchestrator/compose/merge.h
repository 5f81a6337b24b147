// Merges documents. compose-spec, 13-merge.md; merge.cpp has a table of the rules per attribute.
#pragma once

#include "orchestrator/compose/tree.h"

namespace stack::compose {

// Merges a canonical document over `base`, honoring !reset and !override. `base` may be an empty mapping.
void merge_document(Node& base, Node over, Report& report);
// The same for one service (extends).
void merge_service(Node& base, Node over, Report& report);

}  // namespace stack::compose
