// Checks the rules about several values at once: rules/rules.h.
#pragma once

#include "orchestrator/compose/select.h"

namespace stack::compose {

// Works on the merged tree of the enabled services; reports.
void check_consistency(const Node& tree, const Selection& selection, Session& session);

}  // namespace stack::compose
