// Platforms of images: os/architecture[/variant] in Go's terms, and the choice of an index's image for a machine.
// Rules: OCI image-spec (image-index.md, "platform"), and the normalization that Docker and containerd apply.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack::images {

// Normalized: x86_64 is amd64, aarch64 is arm64 (v8 is left out), armhf is arm/v7, armel is arm/v6.
struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;
  bool operator==(const Platform&) const = default;
};

Platform normalized(Platform platform);
// "linux/arm64/v8", "arm64", "linux": missing parts are the host's. Invalid for anything else.
Result<Platform> parse_platform(std::string_view text);
// "linux/arm/v7".
std::string platform_text(const Platform& platform);
Platform host_platform();

// How well an image for `offered` matches `wanted`: 0 is exact, higher is worse (arm/v6 on arm/v7, 386 on amd64);
// nullopt if it does not run there.
std::optional<int> platform_distance(const Platform& wanted, const Platform& offered);

}  // namespace stack::images
