// The default formats of Docker's client configuration: psFormat, imagesFormat, and so on in config.json.
// https://docs.docker.com/reference/cli/docker/#default-output-format
#pragma once

#include <string>

#include "cli/flags/flags.h"
#include "cli/render/terminal.h"

namespace stack::cli {

// The arguments with `member` of config.json as --format, unless --format or --quiet was given.
Arguments with_default_format(Arguments arguments, const Environment& environment, const std::string& member);

}  // namespace stack::cli
