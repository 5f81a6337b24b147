// Short notations -> long ones, on the tree, so that merging and everything after it sees one form only.
#pragma once

#include "orchestrator/compose/tree.h"

namespace stack::compose {

struct CanonicalOptions {
  bool raw =
      false;  // values are not interpolated: only what needs no parsing of texts with a `$` is rewritten
  bool refuse = true;  // what has the right form but cannot be carried out is an error; false: a warning
};
// Works on one checked document. Notations that cannot be read are reported and become Invalid.
void make_canonical(Node& document, const CanonicalOptions& options, const Provenances& provenances,
                    Report& report);

}  // namespace stack::compose
