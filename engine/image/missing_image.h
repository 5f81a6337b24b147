// Where an image comes from that is not in the store.
#pragma once

#include "engine/image/registry_service.h"
#include "images/source/bootstrap.h"

namespace stack::engine {

// Pulls it. Where its registry cannot be reached and it is a Debian image, it is made from the host's package sources
// instead, as on a machine without any registry. Blocking. `line`: what happens, for people.
Result<images::Image> obtain_image(RegistryService& registries, images::ImageStore& store,
                                   const RegistryService::Wanted& wanted,
                                   const images::registry::TransferProgress& progress,
                                   const images::ProgressLine& line, std::stop_token stop);

}  // namespace stack::engine
