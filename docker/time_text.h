// Points in time as Docker's clients write them in queries and filters.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"

namespace stack::docker {

// RFC 3339, seconds since 1970 ("1700000000.5"), or a duration before now ("10m"). nullopt for "" and "0".
Result<std::optional<WallTime>> parse_time_text(const std::string& text);

}  // namespace stack::docker
