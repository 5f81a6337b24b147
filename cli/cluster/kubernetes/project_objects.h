// The project of the session as Kubernetes objects.
#pragma once

#include "cli/session/session.h"
#include "orchestrator/targets/kubernetes/convert.h"

namespace stack::cli::cluster {

// Loads the Compose files; reads image facts from the engine if one runs (never starts one).
Result<compose::Loaded> load_project(Session& session, const std::vector<std::string>& services);
// The local engine's facts about the project's images.
std::map<std::string, targets::kubernetes::ImageFacts> image_facts(Session& session,
                                                                   const compose::Project& project);
// "registry.example:5000" and "shop-web" give "registry.example:5000/shop-web"; a registry in the image's name is replaced.
std::string pushed_name(const std::string& registry, const std::string& image);
targets::kubernetes::Conversion convert_project(const compose::Loaded& loaded,
                                                std::map<std::string, targets::kubernetes::ImageFacts> images,
                                                const std::string& architecture,
                                                const std::string& registry_config = {});
// Docker's config.json with the caller's credentials for the registries of these images; "" if there are none.
std::string registry_config(const Session& session, const std::set<std::string>& images);

}  // namespace stack::cli::cluster
