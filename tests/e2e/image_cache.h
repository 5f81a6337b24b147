// The images that scenarios share, made once with the machine's network: debian:bookworm-slim, and what the
// examples flask-redis-nginx and flask-pip build. Kept in $STACK_TEST_IMAGE_CACHE, by default in the build
// folder.
#pragma once

#include <string>

#include "base/result.h"

namespace stack::e2e {

std::string image_cache_folder();

// Makes what is missing or out of date (a Dockerfile changed), under a file lock. Says what it does on
// stdout. An example that cannot be built is no error here: its log is kept, see build_log().
Result<> prepare_images();

// Gives a new state root the images: by hard links on the same disk, else as copies.
Result<> install_images(const std::string& root);

// The log of an example's failed build; "" where it was built.
std::string failed_build_log(const std::string& example);

}  // namespace stack::e2e
