// ConfigMaps and Secrets that hold files.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/targets/kubernetes/draft.h"

namespace stack::targets::kubernetes {

// A ConfigMap can have 1 MiB; some of it is for keys.
inline constexpr uint64_t kMostContent = 1'000'000;
// The path of a single file in its volume, for subPath.
inline constexpr std::string_view kContentFile = "file";

// Adds an object with the files; returns its name, which ends in '-' and a hash of the contents, so that a change gives
// another object and new pods. The same contents are added once.
std::string add_content_object(Draft& draft, const std::string& name, const std::vector<HostFile>& files,
                               bool secret, const std::string& pointer, const std::string& service);
// The pod's volume for that object. All files are readable by everyone, because they belong to root.
OrderedJson content_source(const std::string& object, const std::vector<HostFile>& files, bool secret);

}  // namespace stack::targets::kubernetes
