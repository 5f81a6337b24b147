// Checks the machine and the engine's objects.
#pragma once

#include "engine/api/api.h"

namespace stack::engine {

// docs/API.md, GET /stack/v1/doctor. `repair` removes objects without an owner.
Task<Json> examine(Services& services, bool repair);

}  // namespace stack::engine
