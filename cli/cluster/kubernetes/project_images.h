// Builds the project's images and brings them to a registry.
#pragma once

#include "cli/session/session.h"
#include "orchestrator/targets/kubernetes/convert.h"

namespace stack::cli::cluster {

// Facts about the project's images. With `transfer`, first builds the services that have `build` and pushes them to
// --push-to, or to the registry in their own name; their references then contain the digest. Without it, they have
// the reference of the last push. An error names services whose image has no registry.
Result<std::map<std::string, targets::kubernetes::ImageFacts>> project_images(Session& session,
                                                                              const compose::Project& project,
                                                                              const Arguments& arguments,
                                                                              bool transfer);

}  // namespace stack::cli::cluster
