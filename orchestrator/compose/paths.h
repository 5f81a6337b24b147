// Makes paths absolute, relative to the directory of the file that contains them.
#pragma once

#include "orchestrator/compose/session.h"

namespace stack::compose {

// Processes one canonical document. URLs and `service:` references stay unchanged.
void resolve_paths(Node& document, const Session& session);
// The absolute path of a build context, or the text itself if it is not a local path.
std::string resolve_context(const Session& session, std::string_view context, const std::string& directory);

}  // namespace stack::compose
