// What `stats` shows of a container.
#pragma once

#include <string>

#include "base/json.h"

namespace stack::cli {

// The members that templates of `stats` see: ID, Name, CPUPerc, MemUsage, ... `stats`: the engine's sample
// (ContainerStatsResponse); `former`: the one before it, null for none.
Json stats_row(const std::string& container_id, const std::string& name, const std::string& service,
               const Json& stats, const Json& former, bool truncate);

}  // namespace stack::cli
