// Base images without a registry: Debian or Ubuntu installed by mmdebstrap(1) from the host's package sources.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "images/store/store.h"

namespace stack::images {

struct BootstrapSuite {
  std::string suite;  // "bookworm"
  // The name under which the image is stored: "debian:bookworm-slim".
  std::string canonical;
};

// The suite for this reference: debian, debian:latest (the host's release if that is Debian),
// debian:12[-slim], debian:bookworm[-slim], debian:12.11[-slim], up to trixie, testing/forky and sid;
// ubuntu[:latest], ubuntu:24.04, ubuntu:noble, and the releases before it. nullopt for anything else.
std::optional<BootstrapSuite> bootstrap_suite(const Reference& reference);

struct BootstrapOptions {
  // "" = the host's own mirror for the suite if its apt sources name one, else the distribution's
  // own.
  std::string mirror;
  bool refresh = false;  // rebuild the suite's image even if it exists
  std::stop_token stop;
};

// A line of progress, without newline.
using ProgressLine = std::function<void(std::string_view)>;

// Finds or creates the suite's image and tags it with the canonical name and with `reference`. The image contains
// only the distribution's standard sources, nothing of the host's configuration. Errors: Invalid for an unknown
// suite, Unsupported if mmdebstrap or the distribution's keys are missing (names the package), Internal with mmdebstrap's last lines, and a
// note if the network is the cause. Nothing is left behind. Takes 10 to 60 s.
Result<Image> bootstrap(ImageStore& store, const Reference& reference, const BootstrapOptions& options,
                        const ProgressLine& progress);

}  // namespace stack::images
