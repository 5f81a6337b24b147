// The images that scenarios share, created once with the machine's network: debian:bookworm-slim and the images of
// the examples flask-redis-nginx and flask-pip. Stored in $STACK_TEST_IMAGE_CACHE, by default in the build folder.
#pragma once

#include <string>

#include "base/result.h"

namespace stack::e2e {

std::string image_cache_folder();

// Creates missing and outdated images (a Dockerfile changed), under a file lock, with progress on stdout. A failed
// build of an example is not an error here: its log is kept, see failed_build_log().
Result<> prepare_images();

// Adds the images to a new state root: as hard links on the same disk, else as copies.
Result<> install_images(const std::string& root);

// The log of an example's failed build; "" if it was built.
std::string failed_build_log(const std::string& example);

}  // namespace stack::e2e
