// Short notations -> long ones, on the tree, so that merging and everything after it sees one form only.
#pragma once

#include "orchestrator/compose/tree.h"

namespace stack::compose {

// Works on one checked document. With `raw` (values not interpolated) only what needs no parsing of texts
// with a `$` is rewritten. Notations that cannot be read are reported and become Invalid.
void make_canonical(Node& document, bool raw, const Provenances& provenances, Report& report);

}  // namespace stack::compose
