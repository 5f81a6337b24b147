// The flags shared by `docker run` and `docker create`.
// https://docs.docker.com/reference/cli/docker/container/run/
#pragma once

#include <span>

#include "cli/flags/flags.h"

namespace stack::cli::docker_cli {

std::span<const Flag> container_flags();

}  // namespace stack::cli::docker_cli
