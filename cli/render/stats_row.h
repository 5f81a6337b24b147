// One row of `stats`.
#pragma once

#include <string>

#include "base/json.h"

namespace stack::cli {

// The members available to templates of `stats`: ID, Name, CPUPerc, MemUsage, ... `stats` is the engine's sample
// (ContainerStatsResponse), `former` the previous one or null.
Json stats_row(const std::string& container_id, const std::string& name, const std::string& service,
               const Json& stats, const Json& former, bool truncate);

}  // namespace stack::cli
