// Build caches as images: an image whose configuration has the member "stack.buildcache.v0", a list of
// {"key", "layer", "created"}: the steps (cache.h) that its layers are the results of. Keys depend on content alone, so that the
// steps of one machine's build are found on another. Any registry and any OCI layout can keep such an image.
#pragma once

#include <string>
#include <vector>

#include "images/builder/solver/stage.h"

namespace stack::builder {

// The configuration's bytes with these steps in it.
Result<std::string> with_cache_steps(const std::string& config_json, const std::vector<CachedStep>& steps);

// Takes the steps of all BuildRequest::cache_from into the cache. What cannot be read is a warning.
void import_caches(BuildJob& job);

// Writes BuildRequest::cache_to, but for inline ones. `state`: the target stage.
Result<> export_caches(BuildJob& job, const StageState& state);

bool has_inline_cache(const BuildRequest& request);

}  // namespace stack::builder
