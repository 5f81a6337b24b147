// From a BuildKit client's options and session to a build of ours, and its result to where the client wants it.
#pragma once

#include <map>
#include <string>

#include "engine/buildkit/buildkit_service.h"

namespace stack::engine {

// Fetches what the build needs from the client, and builds with the job's options and inputs. Sets the job's image, or after a check
// its warnings.
Task<Result<>> build_job(BuildkitParts parts, SessionPtr session, JobPtr job);

// Sends or keeps the job's image as its exporters say. An image that none keeps is left to the caller (drops_image).
Task<Result<std::map<std::string, std::string>>> export_job(BuildkitParts parts, SessionPtr session,
                                                            JobPtr job);

// The options that need nothing from the client. Pure. Invalid and Unsupported name the option.
Result<builder::BuildRequest> read_options(const SolveRequest& request,
                                           const std::map<std::string, std::string>& options);
// A filter of a prune: the fields of a cache entry, "type==regular,description~=apt" (containerd's filter syntax without
// adaptors: == != ~=, a field alone is set). All of its conditions hold. Unsupported names an unknown field.
Result<bool> matches_prune_filter(const builder::CacheEntry& entry, const std::string& filter);
// The patterns of a .dockerignore in the form that a client's filter takes.
std::vector<std::string> ignore_patterns(const std::string& text);
// The ids of secrets and SSH agents, and the images, that a Dockerfile names.
struct DockerfileNeeds {
  std::vector<std::string> secrets;
  std::vector<std::string> agents;
  std::vector<std::string> images;
};
DockerfileNeeds needs_of(const std::string& dockerfile);

}  // namespace stack::engine
