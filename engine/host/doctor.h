// Is this machine fit, and is everything of ours accounted for?
#pragma once

#include "engine/api/api.h"

namespace stack::engine {

// docs/API.md, GET /stack/v1/doctor. With `repair`, what has no owner is removed.
Task<Json> examine(Services& services, bool repair);

}  // namespace stack::engine
