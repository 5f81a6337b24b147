// Converts short notations in the tree to long ones, so that merging and later phases see only one form.
#pragma once

#include "orchestrator/compose/tree.h"

namespace stack::compose {

struct CanonicalOptions {
  bool raw = false;    // values are not interpolated: texts with a `$` are not parsed
  bool refuse = true;  // unsupported values of the right form are errors; false: warnings
};
// Renames keys that had other names before they became part of the specification: services.*.x-develop becomes
// `develop`, and x-initialSync in its rules becomes `initial_sync`. Processes one document before it is checked.
void rename_former_keys(Node& document);

// Processes one checked document. Reports notations that cannot be parsed and makes them Invalid.
void make_canonical(Node& document, const CanonicalOptions& options, const Provenances& provenances,
                    Report& report);

}  // namespace stack::compose
