// The attestations of a finished build.
#pragma once

#include <vector>

#include "base/units.h"
#include "images/builder/solver/stage.h"

namespace stack::builder {

// Before the build. Invalid if attestations are wanted for an image without a tag.
Result<> check_attestations(const BuildRequest& request);

// Stores the wanted attestations beside the image; its tags then refer to the index of both. The layers made here are
// compressed first, because the statements are about the manifest that will be pushed. Does nothing if none are wanted.
Result<> attest_image(BuildJob& job, const StageState& state, const images::Image& image,
                      const std::vector<Reference>& tags, WallTime start);

}  // namespace stack::builder
