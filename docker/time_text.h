// Points in time as written by Docker's clients in queries and filters.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace stack::docker {

// RFC 3339 (time and zone optional), seconds since 1970 ("1700000000.5", to the nanosecond), or a duration before `now`
// ("10m"). nullopt for "" and "0".
Result<std::optional<WallTime>> parse_time_text(std::string_view text,
                                                WallTime now = std::chrono::system_clock::now());

}  // namespace stack::docker
