// Files of Compose's version 1, which have their services at the top level (docker-compose 1.x, "version 1 (deprecated)").
// They are converted to the present format before they are checked.
#pragma once

#include "orchestrator/compose/source.h"
#include "orchestrator/compose/tree.h"

namespace stack::compose {

// Whether the document has only services and extensions at the top level.
bool is_version_one(const Node& document);

// Puts the services under `services`, renames the keys that version 1 spelled differently, and reports a warning.
// Unsupported keys of version 1 are errors.
void convert_version_one(Node& document, Report& report);

// Resolves the names that may mean a service or any other container (`net: container:x`, `volumes_from: [x]`) in the
// merged document, and declares the named volumes, which belong to no project in version 1.
void resolve_version_one(Node& document);

}  // namespace stack::compose
