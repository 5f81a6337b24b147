// Obtains images that are not in the store.
#pragma once

#include "engine/image/registry_service.h"
#include "images/source/bootstrap.h"

namespace stack::engine {

// Pulls the image. If its registry cannot be reached and it is a Debian image, creates it from the host's package
// sources instead. Blocks. `line` receives progress for the user.
Result<images::Image> obtain_image(RegistryService& registries, images::ImageStore& store,
                                   const RegistryService::Wanted& wanted,
                                   const images::registry::TransferProgress& progress,
                                   const images::ProgressLine& line, std::stop_token stop);

}  // namespace stack::engine
