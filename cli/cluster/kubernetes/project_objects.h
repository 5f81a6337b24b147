// The project of the session as Kubernetes objects.
#pragma once

#include "cli/session/session.h"
#include "orchestrator/targets/kubernetes/convert.h"

namespace stack::cli::cluster {

targets::kubernetes::Conversion convert_project(const compose::Loaded& loaded,
                                                std::map<std::string, targets::ImageFacts> images,
                                                const std::string& architecture,
                                                const std::string& registry_config = {});
// Docker's config.json with the caller's credentials for the registries of these images; "" if there are none.
std::string registry_config(const Session& session, const std::set<std::string>& images);

}  // namespace stack::cli::cluster
