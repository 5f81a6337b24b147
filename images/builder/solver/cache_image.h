// Build caches as images: an image whose configuration has the member "stack.buildcache.v0", a list of {"key",
// "layer", "created"}: the steps (cache.h) that produced its layers. Keys depend only on content, so steps of one
// machine's build can be found on another. Any registry and any OCI layout can store such an image.
#pragma once

#include <string>
#include <vector>

#include "images/builder/solver/stage.h"

namespace stack::builder {

// The configuration's bytes with these steps added.
Result<std::string> with_cache_steps(const std::string& config_json, const std::vector<CachedStep>& steps);

// Reads the steps of all BuildRequest::cache_from. Unreadable caches cause a warning.
void import_caches(BuildJob& job);
// The step from the first imported cache that has it; its layer is fetched, put into `layer`, and the step is stored in
// the build cache. A layer that cannot be fetched causes a warning.
std::optional<CacheRecord> import_record(BuildJob& job, const std::string& key, images::LayerPin& layer);

// Writes BuildRequest::cache_to except inline caches. `state`: the target stage.
Result<> export_caches(BuildJob& job, const StageState& state);

bool has_inline_cache(const BuildRequest& request);

}  // namespace stack::builder
