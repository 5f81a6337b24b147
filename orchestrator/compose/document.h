// The canonical tree shown by `stack config`, with the data that explains its values.
#pragma once

#include "orchestrator/compose/select.h"
#include "orchestrator/compose/session.h"

namespace stack::compose {

class Document {
 public:
  Node tree;
  Sources sources;
  Provenances provenances;
  Variables variables;
  Selection selection;
  MentionedVariables mentioned;
  bool raw = false;  // loaded with no_interpolate
};

}  // namespace stack::compose
