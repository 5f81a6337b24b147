// Relative paths -> absolute ones, from the directory of the file that wrote them.
#pragma once

#include "orchestrator/compose/session.h"

namespace stack::compose {

// Works on one canonical document. compose-spec leaves URLs and `service:` references alone.
void resolve_paths(Node& document, const Session& session);
// The absolute form of a build context, or the text itself where it is no local path.
std::string resolve_context(const Session& session, std::string_view context, const std::string& directory);

}  // namespace stack::compose
