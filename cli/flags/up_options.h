// Flags shared by up, create, plan, scale, and run, and the UP object of docs/API.md built from them.
#pragma once

#include "cli/session/session.h"

namespace stack::cli {

// "web=3": {"web":3}.
Result<Json> parse_scale(const std::vector<std::string>& given);

// A flag that the command does not have counts as not given.
Result<Json> up_options(const Session& session, const Arguments& arguments,
                        const std::vector<std::string>& services);

// The project in the form that the engine's API accepts.
struct ResolvedProject {
  std::string name;
  Json project;                          // null: use the project stored in the engine
  std::vector<std::string> environment;  // "K=V": the caller's and those of .env; empty for a stored project
};

// Loads the Compose file and activates the profiles of the named services. An unknown service is an error.
enum class Contents { Read, Skip };  // contents of configs and secrets
enum class Jobs { Refuse, Run };     // whether a job may be named
Result<ResolvedProject> load_for(Session& session, const std::vector<std::string>& services,
                                 Contents contents = Contents::Read, Jobs jobs = Jobs::Refuse);
// The engine does not start jobs at times, so a project that needs this must not seem to run.
Result<> refuse_scheduled_jobs(const ResolvedProject& project);
// Loads the Compose file, or uses the engine's stored project if only -p was given.
Result<ResolvedProject> load_or_stored(Session& session, const std::vector<std::string>& services);

}  // namespace stack::cli
