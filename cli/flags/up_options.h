// The flags that up, create, plan, scale and run share, and the UP object of docs/API.md that they become.
#pragma once

#include "cli/session/session.h"

namespace stack::cli {

// "web=3": {"web":3}.
Result<Json> parse_scale(const std::vector<std::string>& given);

// Flags that a command lacks count as not given.
Result<Json> up_options(const Session& session, const Arguments& arguments,
                        const std::vector<std::string>& services);

// The project as the engine takes it.
struct ResolvedProject {
  std::string name;
  Json project;  // null: the engine's stored one serves
};

// From the compose file; the profiles of the services named are activated. An unknown service is an error.
enum class Contents { Read, Leave };  // of configs and secrets
Result<ResolvedProject> load_for(Session& session, const std::vector<std::string>& services,
                                 Contents contents = Contents::Read);
// From the compose file, or the engine's where only -p was given.
Result<ResolvedProject> load_or_stored(Session& session, const std::vector<std::string>& services);

}  // namespace stack::cli
