// Builds the project's images and brings them to a registry.
#pragma once

#include "cli/session/session.h"
#include "orchestrator/targets/image_facts.h"

namespace stack::cli::cluster {

// Facts about the project's images. With `transfer`, first builds the services that have `build` and pushes them to
// --push-to, or to the registry in their own name; their references then contain the digest. Without it, they have
// the reference of the last push. An error names services whose image has no registry.
Result<std::map<std::string, targets::ImageFacts>> project_images(Session& session,
                                                                  const compose::Project& project,
                                                                  const Arguments& arguments, bool transfer);

// Whether the image's name begins with the address of a registry.
bool names_registry(const std::string& image);
// "registry.example:5000" and "shop-web" give "registry.example:5000/shop-web"; a registry in the image's name is replaced.
std::string pushed_name(const std::string& registry, const std::string& image);
// Images that the project builds get the name that `deploy --push-to` gives them, without the digest.
void name_pushed_images(const compose::Project& project, const std::string& registry,
                        std::map<std::string, targets::ImageFacts>& images);

}  // namespace stack::cli::cluster
