// Manifests and indexes as registries serve them: OCI image-spec 1.1 (manifest.md, image-index.md) and Docker's schema 2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "images/store/manifest.h"
#include "images/store/platform.h"

namespace stack::images::registry {

struct Descriptor {
  std::string media_type;
  std::string digest;                // "sha256:<64 hex>", checked
  int64_t size = 0;                  // bytes, never negative
  std::vector<std::string> urls;     // of foreign layers
  std::optional<Platform> platform;  // in an index
  bool attestation = false;          // in an index: not an image, but a statement about one
};

struct Manifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
};

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
};

using ManifestDocument = std::variant<Manifest, Index>;

// `content_type` is the registry's; it must agree with the document's own "mediaType" (CVE-2021-41190).
// Unsupported for schema 1 and for anything but container images (a Helm chart, an SBOM).
Result<ManifestDocument> parse_manifest(std::string_view bytes, std::string_view content_type);

// The best image of an index for this platform; nullptr if there is none.
const Descriptor* choose_image(const Index& index, const Platform& wanted);
// "linux/amd64, linux/arm64": the platforms of the index, for messages.
std::string platforms_text(const Index& index);

// Layers that need not come from the registry itself (Windows base layers).
bool is_foreign_layer(std::string_view media_type);

}  // namespace stack::images::registry
